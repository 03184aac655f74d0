package examples_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planned runs an example of a plan, and returns what it says, sorted where commands run
// at once.
func planned(t *testing.T, name, dir string, env ...string) (lines []string, stderr string, code int) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("plans", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "plans", path)
	cmd.Dir, cmd.Env = dir, append(cmd.Env, env...)
	stdout, stderr, code := run(t, cmd)
	return strings.Split(strings.TrimSpace(stdout), "\n"), stderr, code
}

func TestPlans_SerialWithAFailure(t *testing.T) {
	t.Parallel()
	lines, stderr, code := planned(t, "serial.json", "")
	want := []string{
		"0 of 4: check running", "1 of 4: check completed", "1 of 4: apply running", "3 of 4: apply failed", "3 of 4: notify skipped",
		"3 of 4: undo running", "4 of 4: undo completed", "apply: exit code 3", "no such thing",
	}
	if d := cmp.Diff(want, lines); d != "" || code != 1 || stderr != "1 of 4 commands failed: apply\n" {
		t.Errorf("exit code %d, stderr %q, stdout (-want +got):\n%s", code, stderr, d)
	}
}

func TestPlans_Diamond(t *testing.T) {
	t.Parallel()
	lines, stderr, code := planned(t, "diamond.json", "")
	if code != 0 || len(lines) != 8 || lines[1] != "1 of 4: fetch completed" || lines[6] != "3 of 4: ship running" || lines[7] != "4 of 4: ship completed" {
		t.Errorf("exit code %d, stderr %q, stdout %q", code, stderr, lines)
	}
}

func TestPlans_Matrix(t *testing.T) {
	t.Parallel()
	lines, stderr, code := planned(t, "matrix.json", "")
	if code != 0 || len(lines) != 10 || lines[9] != "5 of 5: report completed" {
		t.Errorf("exit code %d, stderr %q, stdout %q", code, stderr, lines)
	}
	for _, cell := range []string{"dev,eu-west-1", "dev,us-east-1", "prod,eu-west-1", "prod,us-east-1"} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "scan["+cell+"] completed") }) {
			t.Errorf("%s is missing in %q", cell, lines)
		}
	}
}

// The real aws, in three regions at once, against an endpoint of this machine.
func TestPlans_Regions(t *testing.T) {
	t.Parallel()
	needs(t, "aws")
	signed := make(chan string, 30)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::123456789012:user/dev</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>`+
			`</GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
	}))
	defer sts.Close()
	lines, stderr, code := planned(t, "regions.json", "", awsSettings(t, sts.URL)...)
	if code != 0 {
		t.Fatalf("exit code %d, stderr %q, stdout %q", code, stderr, lines)
	}
	close(signed)
	var got string
	for by := range signed {
		got += by
	}
	for _, region := range []string{"eu-west-1", "eu-west-3", "us-east-1"} {
		if !strings.Contains(got, "/"+region+"/sts/") {
			t.Errorf("nobody asked in %s: %s", region, got)
		}
	}
}

// The real terraform: init, plan and apply of a configuration without providers.
func TestPlans_Terraform(t *testing.T) {
	t.Parallel()
	needs(t, "terraform")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "terraform"), os.DirFS(filepath.Join("plans", "terraform"))); err != nil {
		t.Fatal(err)
	}
	lines, stderr, code := planned(t, "terraform.json", dir, "CHECKPOINT_DISABLE=1")
	if code != 0 || lines[len(lines)-1] != "3 of 3: apply completed" {
		t.Fatalf("exit code %d, stderr %q, stdout %q", code, stderr, lines)
	}
	state, err := os.ReadFile(filepath.Join(dir, "terraform", "here.tfstate"))
	if err != nil || !strings.Contains(string(state), "hello") {
		t.Errorf("%v: the state is %s", err, state)
	}
}
