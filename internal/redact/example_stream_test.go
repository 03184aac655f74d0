package redact_test

import (
	"fmt"

	"github.com/escher-dbai/cloudops-engine/internal/redact"
)

// A secret is masked, wherever the writes cut it.
func ExampleSet_Stream() {
	set := redact.New([]string{"correct-horse"}, redact.Options{Patterns: true})
	stream := set.Stream()
	emit := func(p []byte) { fmt.Printf("%s", p) }

	stream.Write([]byte("login with correct-"), emit)
	stream.Write([]byte("horse at https://me:battery"), emit)
	stream.Write([]byte("@staple.example/\n"), emit)
	stream.Flush(emit)
	fmt.Println(stream.Masks(), "masks")
	// Output:
	// login with [REDACTED] at https://me:[REDACTED]@staple.example/
	// 2 masks
}
