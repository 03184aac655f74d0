// Command python_script runs a Python script that comes as text, and one that is a
// file, with arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	engine "github.com/escher-dbai/cloudops-engine"
)

const script = `import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "stage": os.environ["STAGE"]}))
`

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "python-script-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, "report.py"), []byte(script), 0o600); err != nil {
		return err
	}
	e, err := engine.New(engine.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Shutdown(ctx)) }()
	inline := engine.InlineScript(script, "inline", "two words").Interpreter("python3")
	file := engine.Script("report.py", "file") // the interpreter follows from the name
	for _, command := range []engine.Command{inline, file} {
		id, err := e.Execute(ctx, engine.Request{Command: command, WorkingDir: dir, Env: map[string]string{"STAGE": "test"}})
		if err != nil {
			return err
		}
		result, err := e.Wait(ctx, id)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s%s", result.Status, result.Stdout, result.Stderr)
	}
	return nil
}
