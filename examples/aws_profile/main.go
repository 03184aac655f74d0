// Command aws_profile asks AWS who a profile is: aws_profile [PROFILE [REGION]].
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	engine "github.com/escher-dbai/cloudops-engine"
)

func main() {
	args := append(os.Args[1:], "", "")
	if err := run(context.Background(), args[0], args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, profile, region string) (err error) {
	e, err := engine.New(engine.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Shutdown(ctx)) }()
	command := engine.AWS("sts", "get-caller-identity").Profile(profile).Region(region)
	fmt.Println("running", command)
	id, err := e.Execute(ctx, engine.Request{
		Command:  command,
		Metadata: engine.Metadata{Source: "aws_profile", Tags: map[string]string{"profile": profile}},
	})
	if err != nil {
		return err
	}
	result, err := e.Wait(ctx, id)
	if err != nil {
		return err
	}
	if !result.Success {
		return fmt.Errorf("aws: %s\n%s", result.Error, result.Stderr)
	}
	var caller struct{ Account, Arn string }
	if err := json.Unmarshal([]byte(result.Stdout), &caller); err != nil {
		return fmt.Errorf("read what aws printed: %w", err)
	}
	fmt.Printf("account %s, %s\n", caller.Account, caller.Arn)
	return nil
}
