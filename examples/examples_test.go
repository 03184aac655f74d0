package examples_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// programs is the folder with the examples, built once.
var programs string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary
	programs = dir
	build := exec.CommandContext(context.Background(), "go", "build", "-o", dir+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// program is an example as a process that ends with the test, in an environment
// without settings of whoever runs the tests.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	needs(t, "sh")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, name), args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "AWS_") && !strings.HasPrefix(entry, "CLOUDOPS_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	return cmd
}

// run runs an example to its end and returns what it wrote, and its exit code.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// checkRun checks all that an example wrote, and that it ended well.
func checkRun(t *testing.T, name, want string) {
	t.Helper()
	stdout, stderr, code := run(t, program(t, name))
	if diff := cmp.Diff(want, stdout); diff != "" || stderr != "" || code != 0 {
		t.Errorf("exit code %d, stderr %q, stdout (-want +got):\n%s", code, stderr, diff)
	}
}

// needs skips a test where a program that it runs is not there.
func needs(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("NOT RUN: %s is not on PATH", name)
	}
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := run(t, program(t, "embed"))
	if stdout != "line 1\nline 2\nline 3\n" || stderr != "" || code != 3 {
		t.Errorf("exit code %d, stdout %q, stderr %q; want 3 and three lines", code, stdout, stderr)
	}
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	checkRun(t, "standalone", `completed, cause exit, exit code 0
no shell: $HOME stays as it is
failed, cause exit, exit code 4
good day
timeout, cause timeout, exit code -1
1 completed, 1 failed, 1 timed out
`)
}

func TestPythonScript(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	checkRun(t, "python_script", `completed: {"arguments": ["inline", "two words"], "stage": "test"}
completed: {"arguments": ["file"], "stage": "test"}
`)
}

func TestGlobalSingleton(t *testing.T) {
	t.Parallel()
	checkRun(t, "global_singleton", "before InitGlobal: true\na second InitGlobal: true\nfirst\nsecond\nthird\n")
}

func TestStreamingUI_ResumesWithoutGapOrDouble(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := run(t, program(t, "streaming_ui"))
	if code != 0 || stderr != "" || !strings.Contains(stdout, " lines from cursor ") {
		t.Errorf("exit code %d, stderr %q, stdout:\n%s", code, stderr, stdout)
	}
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("line %d", i+1))
	}
	if diff := cmp.Diff(want, regexp.MustCompile(`(?m)^line \d+$`).FindAllString(stdout, -1)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestCustomHandler(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := run(t, program(t, "custom_handler"))
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{
		"] accepted: bash -c 'echo working; ", "] out: working\n", "] err: careful\n", "] completed after ",
		`{"event_type":"completed",`, "2 warnings, 8 bytes on stdout\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, stdout)
		}
	}
}

func TestGracefulShutdown_DrainsThenCancels(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: Windows has no TERM")
	}
	cmd := program(t, "graceful_shutdown")
	out := &watched{seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-out.seen:
	case <-t.Context().Done():
		t.Fatal("the program never said that it runs")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after TERM: %v\n%s", err, out.text.String())
	}
	want := "running; press Ctrl-C to end\ndraining\ncompleted, cause exit: finished\ncancelled, cause shutdown: begun\n"
	if diff := cmp.Diff(want, out.text.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

// watched is output that tells when something came. It is written to by one
// goroutine, and read when that has ended.
type watched struct {
	text strings.Builder
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	if w.text.Len() == 0 {
		close(w.seen)
	}
	return w.text.Write(p)
}

// TestAWSProfile runs the real aws against an endpoint on this machine, and sees
// that the profile's credentials and the region came there.
func TestAWSProfile(t *testing.T) {
	t.Parallel()
	needs(t, "aws")
	signed := make(chan string, 10)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::123456789012:user/dev</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>`+
			`</GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
	}))
	defer sts.Close()
	cmd := program(t, "aws_profile", "dev", "eu-west-3")
	cmd.Env = append(cmd.Env, awsSettings(t, sts.URL)...)
	stdout, stderr, code := run(t, cmd)
	want := "running aws --profile=dev --region=eu-west-3 sts get-caller-identity\naccount 123456789012, arn:aws:iam::123456789012:user/dev\n"
	if diff := cmp.Diff(want, stdout); diff != "" || stderr != "" || code != 0 {
		t.Fatalf("exit code %d, stderr %q, stdout (-want +got):\n%s", code, stderr, diff)
	}
	if got := <-signed; !strings.Contains(got, "Credential=DEVEXAMPLE/") || !strings.Contains(got, "/eu-west-3/sts/") {
		t.Errorf("the request was signed by %q, want the key of the profile and the region", got)
	}
}

// awsSettings is an environment in which aws knows one profile and one endpoint.
func awsSettings(t *testing.T, endpoint string) []string {
	t.Helper()
	dir := t.TempDir()
	config, credentials := filepath.Join(dir, "config"), filepath.Join(dir, "credentials")
	for path, text := range map[string]string{
		config:      "[profile dev]\nregion = us-west-2\n",
		credentials: "[dev]\naws_access_key_id = DEVEXAMPLE\naws_secret_access_key = not-a-real-one\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"AWS_CONFIG_FILE=" + config, "AWS_SHARED_CREDENTIALS_FILE=" + credentials, "AWS_ENDPOINT_URL=" + endpoint,
		"AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	}
}

// What one run has started the next one follows, from the first line to its exit code.
func TestOutlive(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no durable mode on Windows")
	}
	dir := filepath.Join(t.TempDir(), "state")
	for _, want := range []string{"step 1\n", "step 1\nstep 2\nstep 3\nexit code 3\n"} {
		stdout, stderr, code := run(t, program(t, "outlive", dir))
		if diff := cmp.Diff(want, stdout); diff != "" || stderr != "" || code != 0 {
			t.Errorf("exit code %d, stderr %q, stdout (-want +got):\n%s", code, stderr, diff)
		}
	}
}
