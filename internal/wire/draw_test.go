package wire_test

import (
	"math"
	"reflect"
	"time"

	"pgregory.net/rapid"

	engine "github.com/escher-dbai/cloudops-engine"
)

// draw makes any value of a struct by its type, so that a field that is new is drawn too.
// Durations are whole milliseconds, numbers those of 32 bits, and not below 0 where the
// wire has no other.
func draw[T any](t *rapid.T) T {
	var v T
	fill(t, reflect.ValueOf(&v).Elem(), "")
	return v
}

func fill(t *rapid.T, v reflect.Value, name string) {
	switch v.Interface().(type) {
	case engine.ID:
		v.Set(reflect.ValueOf(engine.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))))
		return
	case time.Time:
		if rapid.Bool().Draw(t, name+" is there") {
			at := time.Unix(rapid.Int64Range(1, 4e9).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns"))
			v.Set(reflect.ValueOf(at.UTC()))
		}
		return
	case time.Duration:
		v.SetInt(int64(time.Millisecond) * rapid.Int64Range(0, math.MaxInt32-1).Draw(t, name))
		return
	case engine.Stream:
		v.Set(reflect.ValueOf(rapid.SampledFrom([]engine.Stream{engine.Stdout, engine.Stderr}).Draw(t, name)))
		return
	}
	if v.Type() == reflect.TypeFor[engine.Command]() {
		v.Set(reflect.ValueOf(drawCommand(t)))
		return
	}
	fillKind(t, v, name)
}

func fillKind(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.String().Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int:
		v.SetInt(int64(rapid.Int32Range(0, math.MaxInt32).Draw(t, name)))
	case reflect.Int64:
		v.SetInt(rapid.Int64Range(0, math.MaxInt64).Draw(t, name))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, name)))
	case reflect.Uint16:
		v.SetUint(uint64(rapid.Uint16().Draw(t, name)))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(0.01, 1000).Draw(t, name))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name+" is there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, name+" length"), 3))
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, name)))
	case reflect.Func, reflect.Interface: // a tee and a reader are no data
	default:
		t.Fatalf("%s is a %s: draw it here", name, v.Type())
	}
}

// drawCommand makes a command of any kind.
func drawCommand(t *rapid.T) engine.Command {
	word := rapid.StringMatching(`[a-z][a-zA-Z0-9äß./ '"$]{0,11}`)
	draw := func(name string) string { return word.Draw(t, name) }
	args := rapid.SliceOfN(rapid.StringMatching(`[a-zäß ]{0,8}`), 0, 3).Draw(t, "args")
	some := append([]string{"get"}, args...)
	return rapid.SampledFrom([]engine.Command{
		engine.Exec(draw("program"), args...),
		engine.Shell(draw("command")),
		engine.Shell(draw("command")).With(draw("shell")),
		engine.Script(draw("path"), args...).Interpreter(draw("interpreter")),
		engine.InlineScript("#!/bin/sh\n"+draw("content"), args...),
		engine.InlineScript(draw("content")).Named("a.py"),
		engine.AWS(draw("service"), draw("operation"), args...).Profile(draw("profile")).Region(draw("region")).Output("text"),
		engine.Gcloud(some...).Project(draw("project")).Account(draw("account")).Configuration(draw("configuration")).
			Region(draw("region")).Zone(draw("zone")).Format("yaml"),
		engine.Az(some...).Subscription(draw("subscription")).Output("tsv"),
		engine.Kubectl(some...).Context(draw("context")).Namespace(draw("namespace")).Kubeconfig(draw("kubeconfig")).Output("wide"),
		engine.Plan{
			Description: draw("description"), Strategy: engine.PlanStrategy{Type: engine.GraphPlan, MaxConcurrency: 3, Dependencies: map[int][]int{1: {0}}},
			Halt: engine.PlanHalt{Percent: 5, Now: true},
			Commands: []engine.PlanCommand{{Name: "a", Request: engine.Request{Command: engine.Exec(draw("program")), Lock: "x"}}, {
				Request: engine.Request{Command: engine.Shell("echo ${matrix.a}")}, Matrix: engine.PlanMatrix{Axes: map[string][]string{"a": {"x", "y"}}},
				When: []engine.PlanCondition{{Command: "a", ExitCodes: []int{2}}}, Retry: engine.PlanRetry{Attempts: 2, Stderr: []string{"t.o"}},
			}},
		},
		engine.Terraform("apply", args...).Dir(draw("dir")).Var("a", draw("a")).VarFile(draw("file")).Output("text").AutoApprove().Color(),
		engine.Terraform("init"),
	}).Draw(t, "command")
}
