package redact_test

import (
	"testing"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

func TestJSON_MasksTextsAndNothingElse(t *testing.T) {
	t.Parallel()
	mask := redact.New([]string{"hunter2hunter2", `with "quotes"`}, redact.Options{}).String
	for in, want := range map[string]string{
		`{"b":1,"a":"nothing"}`:                                  `{"b":1,"a":"nothing"}`,
		`{"b":9007199254740993,"a":["it is hunter2hunter2",{}]}`: `{"a":["it is [REDACTED]",{}],"b":9007199254740993}`,
		`"with \"quotes\""`:                                      `"[REDACTED]"`,
		`no json`:                                                `no json`,
		``:                                                       ``,
	} {
		if got, err := redact.JSON([]byte(in), mask); string(got) != want || err != nil {
			t.Errorf("%s became %s, %v; want %s", in, got, err, want)
		}
	}
	if got, err := redact.JSON([]byte("{hunter2hunter2"), mask); err == nil {
		t.Errorf("what is no JSON became %s", got)
	}
}
