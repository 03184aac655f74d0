package engine_test

import (
	"errors"
	"fmt"

	engine "github.com/escher-dbai/cloudops-engine"
)

// A command is a value: start from one, and change copies.
func ExampleAWS() {
	instances := engine.AWS("ec2", "describe-instances").Profile("prod")
	for _, region := range []string{"us-west-2", "eu-central-1"} {
		fmt.Println(instances.Region(region))
	}
	// Output:
	// aws --profile=prod --region=us-west-2 ec2 describe-instances
	// aws --profile=prod --region=eu-central-1 ec2 describe-instances
}

// What looks secret is masked where a command is shown.
func ExampleCommand() {
	fmt.Println(engine.Exec("psql", "--host", "db", "--password", "hunter2"))
	fmt.Println(engine.Shell("curl https://me:hunter2@example.com | sort"))
	// Output:
	// psql --host db --password '[REDACTED]'
	// bash -c 'curl https://me:[REDACTED]@example.com | sort'
}

func ExampleInlineScript() {
	fmt.Println(engine.InlineScript("import sys; print(sys.argv[1])", "hello").Named("hello.py"))
	// Output:
	// python3 hello.py hello # inline script, 30 bytes
}

func ExampleTerraform() {
	fmt.Println(engine.Terraform("plan", "-out=tfplan").Dir("live/eu").Var("size", "3"))
	fmt.Println(engine.Terraform("output").Dir("live/eu"))
	// Output:
	// terraform -chdir=live/eu plan -no-color -var=size=3 -out=tfplan
	// terraform -chdir=live/eu output -json -no-color
}

// Everything that is wrong is told at once.
func ExampleParseCommand() {
	_, err := engine.ParseCommand([]byte(`{"type":"kubectl","args":[],"namespace":"-x","cluster":"c"}`))
	fmt.Println(errors.Is(err, engine.ErrInvalidCommand))
	fmt.Println(err)
	// Output:
	// true
	// invalid command: kubectl: cluster does not belong to it, which has type, args, context, namespace, kubeconfig, output; args is empty; namespace begins with a dash: "-x" would be read as an option
}
