package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/escher-dbai/cloudops-engine/internal/plan"
)

// started are all that may start now.
func started(m *plan.Machine) (nodes []int) {
	for {
		i, ok := m.Start()
		if !ok {
			return nodes
		}
		nodes = append(nodes, i)
	}
}

func ok() plan.Ending     { return plan.Ending{Outcome: plan.Completed} }
func failed() plan.Ending { return plan.Ending{Outcome: plan.Failed, Code: 1} }

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestMachine_RunsADiamond(t *testing.T) {
	t.Parallel()
	m := plan.New(plan.Spec{Nodes: []plan.Node{{}, {Needs: []int{0}}, {Needs: []int{0}}, {Needs: []int{1, 2}}}})
	expect(t, "at first", []int{0}, started(m))
	m.End(0, ok())
	expect(t, "after the top", []int{1, 2}, started(m))
	m.End(2, ok())
	expect(t, "after one side", []int(nil), started(m))
	m.End(1, ok())
	expect(t, "after both", []int{3}, started(m))
	m.End(3, ok())
	expect(t, "done", true, m.Done())
}

func TestMachine_SkipsWhatNeedsAFailure(t *testing.T) {
	t.Parallel()
	m := plan.New(plan.Spec{Nodes: []plan.Node{
		{},
		{Needs: []int{0}},
		{Needs: []int{1}},
		{},
		{After: []int{0}, When: []plan.Condition{{Node: 0, Outcomes: plan.Of(plan.Failed)}}},
	}})
	expect(t, "at first", []int{0, 3}, started(m))
	m.End(0, failed())
	expect(t, "skipped", []int{1, 2}, m.Skipped())
	expect(t, "what waits for the failure", []int{4}, started(m))
}

func TestMachine_TakesAFailureForSuccessWhereItMayContinue(t *testing.T) {
	t.Parallel()
	m := plan.New(plan.Spec{Nodes: []plan.Node{{Continue: true}, {Needs: []int{0}}}, Halt: plan.Halt{Failures: 1}})
	started(m)
	m.End(0, failed())
	expect(t, "next", []int{1}, started(m))
	expect(t, "failures", 0, m.Failures())
}

func TestMachine_PassesOverWhoseConditionsDoNotHold(t *testing.T) {
	t.Parallel()
	m := plan.New(plan.Spec{Nodes: []plan.Node{
		{},
		{After: []int{0}, When: []plan.Condition{{Node: 0, Outcomes: plan.Of(plan.Completed, plan.Failed), Codes: []int{2}}}},
		{Needs: []int{1}},
	}})
	started(m)
	m.End(0, failed())
	expect(t, "what comes after one that was passed over", []int{2}, started(m))
	expect(t, "outcome", plan.Passed, m.Outcome(1))
}

func TestMachine_Halts(t *testing.T) {
	t.Parallel()
	when := []plan.Condition{{Node: 0, Outcomes: plan.Of(plan.Failed)}}
	nodes := []plan.Node{{}, {}, {}, {}, {After: []int{0}, When: when}}
	t.Run("soon", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes, Concurrency: 2, Halt: plan.Halt{Failures: 1}})
		started(m)
		expect(t, "verdict", plan.Verdict{}, m.End(0, failed()))
		expect(t, "skipped", []int{2, 3}, m.Skipped())
		expect(t, "only what is for this", []int{4}, started(m))
	})
	t.Run("now", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes, Concurrency: 2, Halt: plan.Halt{Percent: 20, Now: true}})
		started(m)
		expect(t, "verdict", plan.Verdict{Stop: true}, m.End(0, failed()))
		expect(t, "skipped", []int{2, 3, 4}, m.Skipped())
		m.End(1, plan.Ending{Outcome: plan.Cancelled, Code: -1})
		expect(t, "done", true, m.Done())
	})
	t.Run("at a share", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes, Concurrency: 1, Halt: plan.Halt{Percent: 40}})
		started(m)
		m.End(0, failed())
		expect(t, "after a fifth", []int{1}, started(m))
		m.End(1, failed())
		expect(t, "skipped after two fifths", []int{2, 3}, m.Skipped())
	})
	t.Run("at what is lost", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes, Concurrency: 1})
		started(m)
		m.End(0, plan.Ending{Outcome: plan.Lost, Code: -1})
		expect(t, "skipped", []int{4, 1, 2, 3}, m.Skipped())
		expect(t, "done", true, m.Done())
	})
}

func TestMachine_RetriesWhatMayBe(t *testing.T) {
	t.Parallel()
	timedOut := plan.Ending{Outcome: plan.TimedOut, Code: -1}
	tests := []struct {
		name  string
		retry plan.Retry
		end   plan.Ending
		again bool
	}{
		{"never by default", plan.Retry{}, failed(), false},
		{"any failure", plan.Retry{Attempts: 2}, failed(), true},
		{"no success", plan.Retry{Attempts: 2}, ok(), false},
		{"no timeout", plan.Retry{Attempts: 2}, timedOut, false},
		{"a timeout where asked", plan.Retry{Attempts: 2, Timeouts: true}, timedOut, true},
		{"another code", plan.Retry{Attempts: 2, Codes: []int{75}}, failed(), false},
		{"its code", plan.Retry{Attempts: 2, Codes: []int{1}}, failed(), true},
		{"no match", plan.Retry{Attempts: 2, Matching: true}, failed(), false},
		{"a match", plan.Retry{Attempts: 2, Matching: true}, plan.Ending{Outcome: plan.Failed, Match: true}, true},
		{"a cancelled one", plan.Retry{Attempts: 2}, plan.Ending{Outcome: plan.Cancelled}, false},
		{"one that is lost", plan.Retry{Attempts: 2}, plan.Ending{Outcome: plan.Lost}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := plan.New(plan.Spec{Nodes: []plan.Node{{Retry: tt.retry}}})
			started(m)
			expect(t, "again", tt.again, m.End(0, tt.end).Again)
			if !tt.again {
				expect(t, "done", true, m.Done())
				return
			}
			expect(t, "before its pause is over", []int(nil), started(m))
			expect(t, "resumed", true, m.Resume(0))
			expect(t, "after it", []int{0}, started(m))
			expect(t, "a third attempt", false, m.End(0, tt.end).Again)
			expect(t, "attempts", 2, m.Attempts(0))
		})
	}
}

func TestMachine_JoinsManyWithMany(t *testing.T) {
	t.Parallel()
	nodes := []plan.Node{{}, {}, {Needs: []int{0, 1}, Join: true}, {Needs: []int{2}}, {Needs: []int{2}}}
	t.Run("all well", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes})
		expect(t, "before", []int{0, 1}, started(m))
		m.End(0, ok())
		m.End(1, ok())
		expect(t, "behind", []int{3, 4}, started(m))
		expect(t, "over", 2, m.Over())
	})
	t.Run("one failed", func(t *testing.T) {
		t.Parallel()
		m := plan.New(plan.Spec{Nodes: nodes})
		started(m)
		m.End(0, failed())
		m.End(1, ok())
		expect(t, "skipped", []int{3, 4}, m.Skipped())
		expect(t, "done", true, m.Done())
	})
}

func TestMachine_GivesUpPausesWhenItIsClosed(t *testing.T) {
	t.Parallel()
	m := plan.New(plan.Spec{Nodes: []plan.Node{{Retry: plan.Retry{Attempts: 5}}, {Needs: []int{0}}}})
	started(m)
	m.End(0, failed())
	m.Close()
	expect(t, "done", true, m.Done())
	expect(t, "outcome", plan.Failed, m.Outcome(0))
	expect(t, "resumed", false, m.Resume(0))
}

func TestCycles_AreShownAsPaths(t *testing.T) {
	t.Parallel()
	nodes := []plan.Node{{Needs: []int{2}}, {Needs: []int{0}}, {After: []int{1}}, {Needs: []int{3}}, {Needs: []int{0}}, {}}
	expect(t, "cycles", [][]int{{0, 2, 1}, {3}}, plan.Cycles(nodes))
	order, waves := plan.Order(nodes)
	expect(t, "order", []int{5}, order)
	expect(t, "waves", []int{-1, -1, -1, -1, -1, 0}, waves)
}

func TestCell_CountsTheLastAxisFirst(t *testing.T) {
	t.Parallel()
	axes := []plan.Axis{{Name: "account", Values: []string{"a", "b"}}, {Name: "region", Values: []string{"x", "y", "z"}}}
	expect(t, "size", 6, plan.Size(axes))
	expect(t, "cell 4", []string{"b", "y"}, plan.Cell(axes, 4))
}

// drawSpec makes a plan without cycles: edges go to lower numbers.
func drawSpec(t *rapid.T) plan.Spec {
	n := rapid.IntRange(1, 30).Draw(t, "nodes")
	s := plan.Spec{
		Nodes: make([]plan.Node, n), Concurrency: rapid.IntRange(0, 4).Draw(t, "concurrency"),
		Groups: []int{rapid.IntRange(1, 2).Draw(t, "group"), 0},
		Halt: plan.Halt{
			Failures: rapid.IntRange(0, 4).Draw(t, "failures"), Percent: rapid.IntRange(0, 100).Draw(t, "percent"),
			Now: rapid.Bool().Draw(t, "now"),
		},
	}
	for i := range s.Nodes {
		node := &s.Nodes[i]
		for before := range i {
			switch rapid.IntRange(0, 9).Draw(t, "edge") {
			case 0:
				node.Needs = append(node.Needs, before)
			case 1:
				node.After = append(node.After, before)
			case 2:
				node.After = append(node.After, before)
				node.When = append(node.When, plan.Condition{Node: before, Outcomes: plan.Of(plan.Failed, plan.Skipped)})
			}
		}
		node.Join = i > 0 && len(node.Needs)+len(node.After) > 0 && rapid.IntRange(0, 5).Draw(t, "join") == 0
		node.Continue = rapid.IntRange(0, 3).Draw(t, "continue") == 0
		node.Group = rapid.IntRange(0, 2).Draw(t, "which group")
		node.Retry.Attempts = rapid.IntRange(0, 3).Draw(t, "attempts")
	}
	return s
}

// A plan of any shape whose commands end in any way ends, starts nothing too early, never
// too much at once, and nothing twice without a retry.
func TestMachine_KeepsItsGuarantees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		m := plan.New(s)
		var running, pausing []int
		for !m.Done() {
			for _, i := range started(m) {
				running = append(running, i)
				checkStart(t, s, m, i, running)
			}
			if len(running) == 0 && len(pausing) == 0 {
				t.Fatal("nothing runs, and it is not done")
			}
			at := rapid.IntRange(0, len(running)+len(pausing)).Draw(t, "which")
			switch {
			case at < len(running):
				i := running[at]
				running = slices.Delete(running, at, at+1)
				o := plan.Outcome(rapid.IntRange(int(plan.Completed), int(plan.Lost)).Draw(t, "outcome"))
				if v := m.End(i, plan.Ending{Outcome: o}); v.Again {
					pausing = append(pausing, i)
				}
			case at < len(running)+len(pausing):
				at -= len(running)
				m.Resume(pausing[at])
				pausing = slices.Delete(pausing, at, at+1)
			case rapid.IntRange(0, 9).Draw(t, "close") == 0:
				m.Close()
			}
			if m.Running() != len(running) {
				t.Fatalf("%d run, it says %d", len(running), m.Running())
			}
		}
		skipped := m.Skipped()
		for i := range s.Nodes {
			if s.Nodes[i].Join {
				continue
			}
			if (m.Attempts(i) == 0) != slices.Contains(skipped, i) {
				t.Errorf("node %d: %d attempts, skipped %t", i, m.Attempts(i), slices.Contains(skipped, i))
			}
		}
	})
}

// checkStart checks what has just started.
func checkStart(t *rapid.T, s plan.Spec, m *plan.Machine, i int, running []int) {
	n := s.Nodes[i]
	for _, before := range slices.Concat(n.Needs, n.After) {
		if m.Outcome(before) == plan.None {
			t.Fatalf("%d started before %d was over", i, before)
		}
	}
	for _, before := range n.Needs {
		if o := m.Outcome(before); o != plan.Completed && o != plan.Passed && (o == plan.Skipped || !s.Nodes[before].Continue) {
			t.Fatalf("%d started, and %d ended by %d", i, before, o)
		}
	}
	if s.Concurrency > 0 && len(running) > s.Concurrency {
		t.Fatalf("%d run of %d", len(running), s.Concurrency)
	}
	inGroup := 0
	for _, r := range running {
		if s.Nodes[r].Group == 1 {
			inGroup++
		}
	}
	if inGroup > s.Groups[0] {
		t.Fatalf("%d of the group run, of %d", inGroup, s.Groups[0])
	}
	if m.Attempts(i) > max(1, n.Retry.Attempts) {
		t.Fatalf("node %d has its attempt %d of %d", i, m.Attempts(i), n.Retry.Attempts)
	}
}

// A chain and a fan of ten thousand are decided in steps that do not grow with them.
func BenchmarkMachine_TenThousand(b *testing.B) {
	const n = 10_000
	chain, fan := make([]plan.Node, n), make([]plan.Node, n)
	for i := 1; i < n; i++ {
		chain[i].Needs, fan[i].Needs = []int{i - 1}, []int{0}
	}
	for name, nodes := range map[string][]plan.Node{"chain": chain, "fan": fan} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m := plan.New(plan.Spec{Nodes: nodes, Concurrency: 100})
				for !m.Done() {
					for _, i := range started(m) {
						m.End(i, ok())
					}
				}
			}
		})
	}
}
