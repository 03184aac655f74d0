package engine

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// CheckClientEnv refuses what the environment of a request from a client would do to
// an engine that is not the client's own: it may set and unset only the names in
// allow, and may not ask for a clean one where there are none. A name in allow may end in *, for all names
// that begin so; such a pattern never covers a name by which a program is made to run
// other code (LD_PRELOAD, BASH_ENV, GIT_SSH_COMMAND and their like): that has to be
// allowed in full. Without allow nothing may be set.
//
// Whoever hands on requests of others calls it before Execute. It returns ErrDenied
// with every fault, or nil.
func CheckClientEnv(r *Request, allow []string) error {
	var faults []error
	for _, name := range append(slices.Sorted(maps.Keys(r.Env)), r.UnsetEnv...) {
		if !clientMayChange(name, allow) {
			faults = append(faults, Advise(fault(ErrDenied, "a client may not set or unset %s", clip(name, 64)),
				"the operator of the engine can allow it by name"))
		}
	}
	if (r.CleanEnv || len(r.InheritEnv) > 0) && len(allow) == 0 {
		faults = append(faults, fault(ErrDenied, "a client may not change the environment"))
	}
	return errors.Join(faults...)
}

func clientMayChange(name string, allow []string) bool {
	for _, a := range allow {
		if a == name || namedBy(a, name) && !runsCode(name) {
			return true
		}
	}
	return false
}

// runsCode reports whether a variable makes common programs load or run something
// else than they are told to, or take their settings and credentials from elsewhere.
// The names are those that sudo, sshd and the cloud tools guard against.
func runsCode(name string) bool {
	name = strings.ToUpper(name)
	for _, prefix := range []string{
		"LD_", "DYLD_", "BASH_FUNC_", "GIT_", "PYTHON", "PERL", "RUBY", "NODE_", "NPM_CONFIG_", "JAVA_", "JDK_JAVA_",
		"TF_CLI_", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "CLOUDSDK_", "GCONV_PATH", "GLIBC_", "MALLOC_", "CLOUDOPS_",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "IFS", "PATH", "CDPATH", "SHELL", "HOME",
		"PAGER", "MANPAGER", "LESSOPEN", "LESSCLOSE", "EDITOR", "VISUAL", "BROWSER", "SSH_ASKPASS", "SUDO_ASKPASS",
		"KUBECONFIG", "KUBE_EDITOR", "TERRAFORM_CONFIG", "ZDOTDIR", "TERMINFO", "TERMCAP", "LOCPATH", "NLSPATH",
		"_JAVA_OPTIONS", "CLASSPATH", "TMPDIR", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN", "GOFLAGS", "DOCKER_HOST":
		return true
	}
	return false
}
