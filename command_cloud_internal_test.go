package engine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCommand_InvocationOfCloudTools(t *testing.T) {
	t.Parallel()
	aws := []string{"NO_COLOR=1", "AWS_DEFAULT_OUTPUT=json", "AWS_PAGER=", "AWS_CLI_AUTO_PROMPT=off"}
	gcloud := []string{"NO_COLOR=1", "CLOUDSDK_CORE_DISABLE_PROMPTS=1"}
	az := []string{"NO_COLOR=1", "AZURE_CORE_OUTPUT=json", "AZURE_CORE_NO_COLOR=true"}
	terraform := []string{"NO_COLOR=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0"}
	for _, tt := range []struct {
		command Command
		want    invocation
	}{
		{AWS("s3", "ls").Region("eu"), invocation{argv: []string{"aws", "--region=eu", "s3", "ls"}, env: aws}},
		{Gcloud("info"), invocation{argv: []string{"gcloud", "--format=json", "info"}, env: gcloud}},
		{Az("vm", "list"), invocation{argv: []string{"az", "vm", "list"}, env: az}},
		{Kubectl("apply", "-f", "x"), invocation{argv: []string{"kubectl", "apply", "-f", "x"}, env: []string{"NO_COLOR=1"}}},
		{Terraform("init"), invocation{argv: []string{"terraform", "init", "-no-color"}, env: terraform}},
		{
			Terraform("init").Dir("live"),
			invocation{argv: []string{"terraform", "-chdir=live", "init", "-no-color"}, env: terraform, readsDir: "/srv/live"},
		},
		{
			Terraform("init").Dir("/live"),
			invocation{argv: []string{"terraform", "-chdir=/live", "init", "-no-color"}, env: terraform, readsDir: "/live"},
		},
	} {
		tt.want.env = append(everyCommand(), tt.want.env...)
		if tt.command.Type() == CommandTypeTerraform {
			tt.want.stopSignal, tt.want.grace = "INT", time.Minute
		}
		checkInvocation(t, tt.command, "/srv", tt.want)
	}
}

func TestCommand_MachineOutputIsOverridden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command Command
		want    string
	}{
		{Gcloud("a", "b"), "gcloud --format=json a b"},
		{Gcloud("a", "--format", "yaml"), "gcloud a --format yaml"},
		{Gcloud("a", "--format=yaml"), "gcloud a --format=yaml"},
		{Gcloud("a", "--", "--format=yaml").Zone("z"), "gcloud --format=json a --zone=z -- --format=yaml"},
		{Gcloud("a").Format("default"), "gcloud --format=default a"},

		{Kubectl("get", "pods"), "kubectl get pods --output=json"},
		{Kubectl("get", "pods", "-o", "yaml"), "kubectl get pods -o yaml"},
		{Kubectl("get", "pods", "-owide"), "kubectl get pods -owide"},
		{Kubectl("get", "pods", "-Aowide"), "kubectl get pods -Aowide"},
		{Kubectl("get", "pods", "-lapp=foo"), "kubectl get pods -lapp=foo --output=json"},
		{Kubectl("get", "pods", "--output="), "kubectl get pods --output="},
		{Kubectl("get", "pods").Output("wide"), "kubectl get pods --output=wide"},
		{Kubectl("get", "--raw", "/healthz"), "kubectl get --raw /healthz"},
		{Kubectl("get", "pods", "--show-labels"), "kubectl get pods --show-labels"},
		{Kubectl("get", "pods", "--template={{.a}}"), "kubectl get pods '--template={{.a}}'"},
		{Kubectl("get", "-h"), "kubectl get -h"},
		{Kubectl("config", "view", "--raw"), "kubectl config view --raw --output=json"},
		{Kubectl("config", "use-context", "x"), "kubectl config use-context x"},
		{Kubectl("version", "--client"), "kubectl version --client --output=json"},
		{Kubectl("rollout", "history", "deploy/x"), "kubectl rollout history deploy/x --output=json"},
		{Kubectl("auth", "whoami"), "kubectl auth whoami --output=json"},
		{Kubectl("rollout", "status", "deploy/x"), "kubectl rollout status deploy/x"},
		{Kubectl("describe", "pod", "x"), "kubectl describe pod x"},
		{Kubectl("logs", "x"), "kubectl logs x"},
		{Kubectl("exec", "x", "--", "get", "-n", "y").Namespace("n").Output("json"), "kubectl --namespace=n exec x --output=json -- get -n y"},
		{Kubectl("delete", "pod", "x"), "kubectl delete pod x"},

		{Terraform("output"), "terraform output -json -no-color"},
		{Terraform("output", "-raw", "x"), "terraform output -no-color -raw x"},
		{Terraform("output", "--json", "x"), "terraform output -no-color --json x"},
		{Terraform("output").Output("text").Color(), "terraform output"},
		{Terraform("show", "tfplan"), "terraform show -json -no-color tfplan"},
		{Terraform("validate"), "terraform validate -json -no-color"},
		{Terraform("version"), "terraform version -json -no-color"},
		{Terraform("providers", "schema"), "terraform providers schema -json -no-color"},
		{Terraform("providers"), "terraform providers -no-color"},
		{Terraform("state", "list", "x"), "terraform state list -no-color x"},
		{Terraform("workspace", "select", "x"), "terraform workspace select -no-color x"},
		{Terraform("import", "a.b", "id").Var("x", "1"), "terraform import -no-color -var=x=1 a.b id"},
		{Terraform("plan"), "terraform plan -no-color"},
		{Terraform("plan", "-no-color").Output("json"), "terraform plan -json -no-color"},
		{Terraform("apply", "-auto-approve").AutoApprove(), "terraform apply -no-color -auto-approve"},
		{Terraform("apply", "tfplan"), "terraform apply -no-color tfplan"},
	} {
		if diff := cmp.Diff(tt.want, tt.command.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The tools themselves take what is put where, as far as they can without an
// account. az is left out: nothing of it works without one.
func TestCommand_ToolsTakeTheirArguments(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts every cloud tool that is installed")
	}
	dir := t.TempDir()
	writeScript(t, filepath.Join(dir, "main.tf"), "variable \"x\" {\n}\noutput \"o\" {\n  value = var.x\n}\n")
	writeScript(t, filepath.Join(dir, "kubeconfig"), `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"k","cluster":{}}],"users":[{"name":"u","user":{}}],"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}]}`)
	for _, tt := range []struct {
		command Command
		want    string // in stdout or stderr
	}{
		{AWS("s3", "presign", "s3://bucket/key").Region("eu-west-9"), "eu-west-9"},
		{AWS("sts", "get-caller-identity").Profile("no-such-profile"), "no-such-profile"},
		{Gcloud("config", "list").Project("some-project").Account("a@example.com"), `"project": "some-project"`},
		{Kubectl("config", "view", "--minify").Kubeconfig(filepath.Join(dir, "kubeconfig")).Context("c").Namespace("n"), `"name": "c"`},
		{Kubectl("version", "--client"), `"clientVersion": {`},
		{Terraform("version"), `"terraform_version":`},
		{Terraform("plan").Dir(dir).Var("x", "from a field"), `+ o = "from a field"`},
		{Terraform("plan").Dir(dir), "No value for required variable"},
		{Terraform("apply").Dir(dir).Var("x", "1").AutoApprove(), "Apply complete!"},
		{Terraform("output").Dir(dir), `"value": "1"`},
		{Terraform("state", "list").Dir(dir), ""},
	} {
		out, ok := runTool(t, tt.command, dir)
		if ok && (!strings.Contains(out, tt.want) || strings.Contains(out, "\x1b")) {
			t.Errorf("%s printed %q, want %q in it and no colour", tt.command, out, tt.want)
		}
	}
}

// runTool is what a tool prints, run as the invocation says in an environment
// that knows of no account.
func runTool(t *testing.T, command Command, home string) (string, bool) {
	t.Helper()
	inv, err := command.invocation(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(inv.argv[0]); err != nil {
		t.Logf("%s is not installed: left out", inv.argv[0])
		return "", false
	}
	cmd := exec.CommandContext(t.Context(), inv.argv[0], inv.argv[1:]...)
	cmd.Env = slices.Concat(os.Environ(), inv.env, []string{
		"CLOUDSDK_CONFIG=" + home, "AWS_CONFIG_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
		"TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1",
	})
	out, err := cmd.CombinedOutput()
	if exit := (&exec.ExitError{}); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", command, err)
	}
	return string(out), true
}
