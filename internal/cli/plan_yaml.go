package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML makes JSON of YAML, with the values of variables in it, and remembers where all of it
// stands. What is there twice stays so: the plan is told of it.
func (s *planSource) readYAML(data []byte) ([]byte, error) {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxFault(s.name, err)
	}
	y := &yamlReader{source: s, anchors: map[string]ast.Node{}}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			y.wrong(doc.Body, "a second document: a plan is one")
		default:
			y.value(doc.Body, "", 0)
		}
	}
	if y.out.Len() == 0 && len(y.faults) == 0 {
		return nil, fault("docs/plans.md has an example", "%s: there is no plan in it", s.name)
	}
	return y.out.Bytes(), errors.Join(y.faults...)
}

// deepest is how deep YAML may be nested: a plan needs less than ten. Aliases may make of it so
// many bytes more.
const (
	deepest     = 100
	mostAliased = 1 << 20
)

// yamlReader writes nodes as JSON.
type yamlReader struct {
	source  *planSource
	out     bytes.Buffer
	anchors map[string]ast.Node // those that are complete: none has itself in it
	faults  []error
	full    bool
	// aliases is in how many aliases we are, aliased how many bytes those before have made.
	aliases, begun, aliased int
}

func (y *yamlReader) wrong(n ast.Node, format string, args ...any) {
	y.faults = append(y.faults, fmt.Errorf("%s: %s", y.where(n), fmt.Sprintf(format, args...)))
}

func (y *yamlReader) where(n ast.Node) string { return y.source.name + ":" + placeIn(n).String() }

// placeIn is where a node begins: of a mapping its first key, for its token is a colon.
func placeIn(n ast.Node) place {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return placeIn(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeIn(m.Key)
	}
	at := n.GetToken().Position
	return place{at.Line, at.Column}
}

// value writes one value, which stands at a path.
func (y *yamlReader) value(n ast.Node, path string, depth int) {
	if y.full {
		return
	}
	if depth > deepest || y.aliases > 0 && y.aliased+y.out.Len()-y.begun > mostAliased {
		y.full = true
		y.wrong(n, "this is too much: at most %d levels deep, and at most %d bytes of aliases", deepest, mostAliased)
		return
	}
	if _, ok := y.source.at[path]; !ok && y.aliases == 0 { // who reads *a looks for a fault there
		y.source.at[path] = placeIn(n)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		y.mapping(n.Values, path, depth)
	case *ast.MappingValueNode:
		y.mapping([]*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		y.sequence(n.Values, path, depth)
	case *ast.AnchorNode:
		y.value(n.Value, path, depth+1)
		y.anchors[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if meant := y.anchors[name]; meant != nil {
			y.alias(meant, path, depth)
			return
		}
		y.wrong(n, "*%s is not known: &%s comes before it, and around it nowhere", clip(name), clip(name))
	default:
		y.scalar(n)
	}
}

// alias writes what an alias stands for.
func (y *yamlReader) alias(meant ast.Node, path string, depth int) {
	if y.aliases == 0 {
		y.begun = y.out.Len()
	}
	y.aliases++
	y.value(meant, path, depth+1)
	if y.aliases--; y.aliases == 0 {
		y.aliased += y.out.Len() - y.begun
	}
}

func (y *yamlReader) mapping(entries []*ast.MappingValueNode, path string, depth int) {
	y.out.WriteByte('{')
	for i, entry := range entries {
		if i > 0 {
			y.out.WriteByte(',')
		}
		if entry.Key.IsMergeKey() {
			y.wrong(entry, "<< is not read: write out what it stands for")
			continue
		}
		name := y.fill(entry.Key, entry.Key.GetToken().Value)
		y.text(name)
		y.out.WriteByte(':')
		below := path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if y.aliases == 0 {
			y.source.at[below] = placeIn(entry.Key)
		}
		y.value(entry.Value, below, depth+1)
	}
	y.out.WriteByte('}')
}

func (y *yamlReader) sequence(items []ast.Node, path string, depth int) {
	y.out.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			y.out.WriteByte(',')
		}
		y.value(item, fmt.Sprintf("%s/%d", path, i), depth+1)
	}
	y.out.WriteByte(']')
}

func (y *yamlReader) scalar(n ast.Node) {
	switch n := n.(type) {
	case *ast.NullNode:
		y.out.WriteString("null")
	case *ast.BoolNode:
		y.json(n, n.Value)
	case *ast.IntegerNode:
		y.json(n, n.Value)
	case *ast.FloatNode:
		y.json(n, n.Value)
	case *ast.LiteralNode:
		y.text(y.fill(n, n.Value.Value))
	case *ast.StringNode:
		value := y.fill(n, n.Value)
		if bare := n.Token.Type == token.StringType; bare && isScalar(value) && planVariable.FindString(n.Value) == n.Value {
			y.out.WriteString(value) // as if it stood there itself
			return
		}
		y.text(value)
	default:
		y.wrong(n, "%s is not read: write the value itself", n.Type())
	}
}

func (y *yamlReader) fill(n ast.Node, text string) string {
	return y.source.vars.fill(text, func() string { return y.where(n) })
}

func (y *yamlReader) text(text string) {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // a string
	y.out.Write(quoted)
}

func (y *yamlReader) json(n ast.Node, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		y.wrong(n, "cannot be read: write the value itself")
	}
	y.out.Write(data)
}
