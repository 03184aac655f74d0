// Command cloudops runs cloud operations from a terminal.
package main

import (
	"os"

	"github.com/escher-dbai/cloudops-engine/durable"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

func main() {
	durable.Main()
	cli.Prepare()
	os.Exit(cli.Main(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
