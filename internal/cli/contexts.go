package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// defaultContext is the name of none: the daemon of the state directory, or the directory.
const defaultContext = "default"

// hostContext is a daemon that has a name, and what lets us in. At most one of the tokens
// is there; paths are absolute.
type hostContext struct {
	Name string `json:"name"`
	Host string `json:"host"`
	// Token is the token itself, TokenFile has it in a file, TokenEnv in a variable.
	Token     string `json:"token,omitempty"`
	TokenFile string `json:"token_file,omitempty"`
	TokenEnv  string `json:"token_env,omitempty"`
	// hostTLS is by what it and we know each other, with https://.
	hostTLS
}

// secret is the token, "" where there is none.
func (c *hostContext) secret() (string, error) {
	switch {
	case c.TokenFile != "":
		text, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return "", about("the token of context "+c.Name, err)
		}
		return strings.TrimSpace(string(text)), nil
	case c.TokenEnv != "":
		token := os.Getenv(c.TokenEnv)
		if token == "" {
			return "", fault("export "+c.TokenEnv+", or add the context anew", "the token of context %s: %s is not set", c.Name, c.TokenEnv)
		}
		return token, nil
	}
	return c.Token, nil
}

// tokenFrom says where the token is, and not what it is.
func (c *hostContext) tokenFrom() string {
	switch {
	case c.TokenFile != "":
		return "file " + c.TokenFile
	case c.TokenEnv != "":
		return "variable " + c.TokenEnv
	case c.Token != "":
		return "stored"
	}
	return "none"
}

// contexts are the daemons that have a name, as their file has them.
type contexts struct {
	Current string        `json:"current,omitempty"`
	All     []hostContext `json:"contexts"`
	path    string
}

// contextsPath is where they are kept.
func contextsPath() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "cloudops", "contexts.json"), err
}

// readContexts reads them; there are none where there is no file. One that others can read
// has no tokens worth the name any more, and is refused.
func readContexts() (c contexts, err error) {
	if c.path, err = contextsPath(); err != nil {
		return contexts{}, nil // without a home there are none
	}
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, about("contexts", err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	stat, err := f.Stat()
	if err != nil {
		return c, about("contexts", err)
	}
	if runtime.GOOS != "windows" && stat.Mode().Perm()&0o077 != 0 {
		return c, fault("chmod 600 "+c.path, "%s has mode %04o: others may read the tokens in it", c.path, stat.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes))
	if err != nil {
		return c, about("contexts", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, engine.Advise(about(c.path, err), "restore or remove it; cloudops contexts add makes it anew")
	}
	return c, nil
}

// find is the context of a name.
func (c *contexts) find(name string) (*hostContext, error) {
	var names []string
	for i := range c.All {
		if c.All[i].Name == name {
			return &c.All[i], nil
		}
		names = append(names, c.All[i].Name)
	}
	err := fmt.Errorf("there is no context %q", clip(name))
	if near := nearest(name, names); near != "" {
		return nil, engine.Advise(err, "did you mean %s?", near)
	}
	return nil, engine.Advise(err, "cloudops contexts list shows them, cloudops contexts add makes one")
}

// remove forgets the context of a name.
func (c *contexts) remove(name string) {
	c.All = slices.DeleteFunc(c.All, func(h hostContext) bool { return h.Name == name })
	if c.Current == name {
		c.Current = ""
	}
}

// write keeps them, for us alone. The file is there as it was or as it will be.
func (c *contexts) write() error {
	if c.path == "" {
		_, err := contextsPath()
		return about("contexts", err)
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return about("contexts", err)
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), "contexts.") // with mode 0600
	if err != nil {
		return about("contexts", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		return errors.Join(about("contexts", err), os.Remove(f.Name()))
	}
	return nil
}

// checkContextName refuses what is hard to type, to tell apart or to show.
func checkContextName(name string) error {
	if name == defaultContext {
		return fault("use another name", "%s is the context of this machine", name)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(name) {
		return fault("letters, digits, dots, dashes and underscores, at most 64", "%q is no name of a context", clip(name))
	}
	return nil
}
