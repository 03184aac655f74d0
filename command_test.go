package engine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestCommand_StringCanBePasted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command engine.Command
		want    string
	}{
		{engine.Exec("echo", "a b", "", "it's", "$HOME", "*"), `echo 'a b' '' 'it'\''s' '$HOME' '*'`},
		{engine.Exec("./run", "a\nb\x1b[31m"), `./run $'a\nb\033[31m'`},
		{engine.Exec("A=b", "C=d"), `'A=b' C=d`},
		{engine.Exec("time"), `'time'`},
		{engine.Shell("echo out; exit 3"), `bash -c 'echo out; exit 3'`},
		{engine.Shell("true").With("/bin/zsh"), `/bin/zsh -c true`},
		{engine.Script("deploy.sh", "eu 1"), `deploy.sh 'eu 1'`},
		{engine.Script("-x.py").Interpreter("python3"), `python3 ./-x.py`},
		{engine.InlineScript("print(1)", "a").Named("one.py"), `python3 one.py a # inline script, 8 bytes`},
		{engine.InlineScript("#!/usr/bin/env -S node --x\n1"), `/usr/bin/env '-S node --x' script # inline script, 28 bytes`},
		{
			engine.AWS("ec2", "describe-instances", "--max-items", "5").Profile("prod").Region("us-west-2").Output("text"),
			`aws --profile=prod --region=us-west-2 --output=text ec2 describe-instances --max-items 5`,
		},
		{
			engine.Gcloud("compute", "ssh", "vm", "--", "ls").Project("p").Account("a@b.c").Configuration("c").Region("r").Zone("z").Format("yaml"),
			`gcloud --configuration=c --account=a@b.c --project=p --format=yaml compute ssh vm --region=r --zone=z -- ls`,
		},
		{engine.Az("vm", "list").Subscription("my sub").Output("table"), `az vm list '--subscription=my sub' --output=table`},
		{
			engine.Kubectl("get", "pods").Context("c").Namespace("n").Kubeconfig("/k"),
			`kubectl --kubeconfig=/k --context=c --namespace=n get pods --output=json`,
		},
		{
			engine.Terraform("apply", "-refresh=false").Dir("live/eu").Var("b", "2").Var("a", `["x"]`).VarFile("eu.tfvars").AutoApprove(),
			`terraform -chdir=live/eu apply -no-color -auto-approve '-var=a=["x"]' -var=b=2 -var-file=eu.tfvars -refresh=false`,
		},
	} {
		if diff := cmp.Diff(tt.want, tt.command.String()); diff != "" {
			t.Errorf("String of %s (-want +got):\n%s", tt.command.Type(), diff)
		}
	}
}

func TestCommand_StringMasksSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-XyZ" // nothing but the name in front of it gives it away
	for _, command := range []engine.Command{
		engine.Exec("tool", "--password", secret),
		engine.Exec("tool", "--password="+secret),
		engine.Exec("tool", "--db.password="+secret+" with blanks "+secret),
		engine.Exec("tool", "--API_KEY", secret, "next"),
		engine.Exec("tool", "--client-secret", "-"+secret),
		engine.Exec("tool", "--pass", secret),
		engine.Exec("env", "DB_PASSWORD="+secret, "run"),
		engine.Exec("docker", "run", "-e", "GITHUB_TOKEN="+secret, "image"),
		engine.Exec("docker", "login", "-u", "me", "-p", secret),
		engine.Exec("sshpass", "-p", secret, "ssh", "host"),
		engine.Exec("helm", "upgrade", "--set", "a=1,auth.password="+secret),
		engine.Exec("git", "clone", "https://user:"+secret+"@example.com/a.git"),
		engine.Exec("git", "clone", "https://user:"+secret+"=@example.com/a.git?b=c"),
		engine.Exec("git", "clone", "https://ghp_"+secret+secret+"@example.com/a.git"),
		engine.Exec("psql", "postgres://u:"+secret+"/with@x@db/app"),
		engine.Exec("curl", "https://example.com/a?x=1&access_token="+secret),
		engine.Exec("curl", "-H", "Authorization: Bearer "+secret, "https://example.com"),
		engine.Exec("curl", "-H", "X-Api-Key: "+secret),
		engine.Exec("curl", "-u", "me:"+secret, "https://example.com"),
		engine.Exec("curl", "-d", `{"user":"me","password":"`+secret+`"}`),
		engine.Exec("bash", "-c", "export TOKEN="+secret+"; ./deploy"),
		engine.Shell("mysql --password " + secret + " -e 'select 1'"),
		engine.Shell(`tool --token="` + secret + ` x" --verbose`),
		engine.Shell("PGPASSWORD='" + secret + "' psql | sort"),
		engine.Shell("curl -u me:" + secret + " https://example.com"),
		engine.Shell(`curl -H "Authorization: Bearer ` + secret + `" https://example.com`),
		engine.Shell(`curl -d "{\"api_key\": \"` + secret + `\"}" https://example.com`),
		engine.Shell("echo " + secret + " >/dev/null; docker login -u me -p " + secret).With("sh"),
		engine.AWS("secretsmanager", "put-secret-value", "--secret-id", "db", "--secret-string", secret),
		engine.AWS("ssm", "put-parameter", "--name", "/db", "--type", "SecureString", "--value", secret),
		engine.AWS("configure", "set", "aws_secret_access_key", secret),
		engine.AWS("lambda", "update-function-configuration", "--environment", "Variables={A=1,DB_PASSWORD="+secret+"}"),
		engine.Gcloud("sql", "users", "set-password", "me", "--password", secret),
		engine.Az("keyvault", "secret", "set", "--name", "db", "--value", secret),
		engine.Az("login", "--service-principal", "-u", "app", "-p", secret),
		engine.Az("storage", "blob", "list", "--connection-string", "AccountKey="+secret),
		engine.Kubectl("create", "secret", "generic", "db", "--from-literal=k="+secret),
		engine.Kubectl("create", "secret", "generic", "db", "--from-literal", "k="+secret),
		engine.Kubectl("--token", secret, "get", "pods"),
		engine.Terraform("plan").Var("db_password", secret),
		engine.Script("deploy.sh", "--token", secret),
		engine.InlineScript("#!/bin/sh\ncurl "+secret, "--token", secret),
	} {
		got := command.String()
		if !strings.Contains(got, "[REDACTED]") {
			t.Errorf("nothing is masked in %s", got)
		}
		// One command says the secret a second time, where nothing announces it.
		if strings.Contains(strings.Replace(got, "echo "+secret, "", 1), secret) {
			t.Errorf("the secret is shown in %s", got)
		}
	}
}

func TestCommand_StringShowsWhatIsNotSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command engine.Command
		want    string
	}{
		{engine.AWS("secretsmanager", "get-secret-value", "--secret-id", "prod/db"), "aws secretsmanager get-secret-value --secret-id prod/db"},
		{engine.AWS("s3api", "list-objects", "--starting-token", "abc"), "aws s3api list-objects --starting-token abc"},
		{engine.AWS("ecs", "list", "--token-file=/run/t"), "aws ecs list --token-file=/run/t"},
		{engine.AWS("iam", "get", "--access-key-id", "AKIA1"), "aws iam get --access-key-id AKIA1"},
		{engine.Az("vm", "list", "--show-secrets", "--query", "[].name"), "az vm list --show-secrets --query '[].name'"},
		{engine.Exec("tool", "--password", "--verbose"), "tool --password --verbose"},
		{engine.Exec("tool", "--secret", "-f", "x"), "tool --secret -f x"},
		{engine.Exec("docker", "run", "-u", "1000:1000", "-p", "80:80", "img"), "docker run -u 1000:1000 -p 80:80 img"},
		{engine.Exec("git", "clone", "https://example.com:8443/a"), "git clone https://example.com:8443/a"},
		{engine.Exec("aws", "arn:aws:secretsmanager:eu:1:secret:db"), "aws arn:aws:secretsmanager:eu:1:secret:db"},
		{engine.Shell("TOKEN=$(get-token) && tool --token $TOKEN"), `bash -c 'TOKEN=$(get-token) && tool --token $TOKEN'`},
		{engine.Shell(`tool --password "${PW}" PWD=/x`), `bash -c 'tool --password "${PW}" PWD=/x'`},
		{engine.Shell("PASSWORD=x run --now"), `bash -c 'PASSWORD=[REDACTED] run --now'`},
		{engine.Shell("get secrets | sort; echo a=b"), `bash -c 'get secrets | sort; echo a=b'`},
	} {
		if diff := cmp.Diff(tt.want, tt.command.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestCommand_BuildersShareNothing(t *testing.T) {
	t.Parallel()
	args := []string{"s3", "ls"}
	tf := engine.Terraform("plan", args...).Var("a", "1").VarFile("one")
	aws := engine.AWS("s3", "ls", args...)
	before := []string{commandJSON(t, tf), commandJSON(t, aws)}
	args[0] = "changed"
	one, two := tf.Var("b", "2").VarFile("two"), tf.Var("a", "3").VarFile("three")
	_, _ = aws.Region("eu"), aws.Profile("p")
	if diff := cmp.Diff(before, []string{commandJSON(t, tf), commandJSON(t, aws)}); diff != "" {
		t.Errorf("a builder changed what it was made from (-before +after):\n%s", diff)
	}
	want := "terraform plan -no-color -var=a=1 -var=b=2 -var-file=one -var-file=two s3 ls"
	if got := one.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want = "terraform plan -no-color -var=a=3 -var-file=one -var-file=three s3 ls"
	if got := two.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// commandJSON is a command as JSON.
func commandJSON(t *testing.T, command engine.Command) string {
	t.Helper()
	data, err := json.Marshal(command)
	if err != nil {
		t.Fatalf("marshal %s: %v", command.Type(), err)
	}
	return string(data)
}
