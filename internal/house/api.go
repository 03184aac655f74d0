package house

import (
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// API lists what a package exports, a line for each name, method, field and constant, sorted.
// A declaration that several platforms have in the same words is listed once. Comments, bodies, the values of
// variables and what is not exported are left out; tags of fields are kept, because they are the JSON of the API.
func API(tree *Tree, p Package) []string {
	list := &listing{fset: tree.fset}
	for _, file := range p.Shipped() {
		for _, declaration := range file.Syntax.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				list.function(d)
			case *ast.GenDecl:
				list.group(d)
			}
		}
	}
	slices.Sort(list.lines)
	return slices.Compact(list.lines)
}

type listing struct {
	fset  *token.FileSet
	lines []string
}

func (l *listing) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// source returns a node as one line of source.
func (l *listing) source(node any) string {
	var text strings.Builder
	if err := printer.Fprint(&text, l.fset, node); err != nil {
		return err.Error() // shows up in the listing, where it is seen
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func (l *listing) function(d *ast.FuncDecl) {
	if !d.Name.IsExported() {
		return
	}
	signature := strings.TrimPrefix(l.source(d.Type), "func")
	if d.Recv == nil {
		l.add("func %s%s", d.Name.Name, signature)
		return
	}
	receiver := d.Recv.List[0].Type
	if ast.IsExported(baseName(receiver)) {
		l.add("method (%s) %s%s", l.source(receiver), d.Name.Name, signature)
	}
}

func (l *listing) group(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				l.typ(s)
			}
		case *ast.ValueSpec:
			l.values(d.Tok, s)
		}
	}
}

// values lists constants with their values, which callers store and send, and variables without.
func (l *listing) values(kind token.Token, s *ast.ValueSpec) {
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		line := kind.String() + " " + name.Name
		if s.Type != nil {
			line += " " + l.source(s.Type)
		}
		if kind == token.CONST && i < len(s.Values) {
			line += " = " + l.source(s.Values[i])
		}
		l.lines = append(l.lines, line)
	}
}

func (l *listing) typ(s *ast.TypeSpec) {
	head := "type " + s.Name.Name
	if s.TypeParams != nil {
		head += "[" + l.fields(s.TypeParams) + "]"
	}
	if s.Assign.IsValid() {
		head += " ="
	}
	switch t := s.Type.(type) {
	case *ast.StructType:
		l.members(head+" struct", t.Fields)
	case *ast.InterfaceType:
		l.members(head+" interface", t.Methods)
	default:
		l.add("%s %s", head, l.source(t))
	}
}

// members lists the exported fields or methods of a type, each on its own line, and whether there are others.
func (l *listing) members(head string, members *ast.FieldList) {
	l.lines = append(l.lines, head)
	for _, member := range members.List {
		for _, name := range namesOf(member) {
			switch {
			case !ast.IsExported(name):
				l.add("%s, unexported members", head)
			case len(member.Names) == 0:
				l.add("%s, embeds %s%s", head, l.source(member.Type), tagOf(member))
			default:
				l.add("%s, %s%s%s", head, name, l.memberType(member.Type), tagOf(member))
			}
		}
	}
}

// memberType returns the type of a field, or the signature of an interface's method.
func (l *listing) memberType(t ast.Expr) string {
	if signature, ok := t.(*ast.FuncType); ok && !signature.Func.IsValid() {
		return strings.TrimPrefix(l.source(t), "func")
	}
	return " " + l.source(t)
}

func (l *listing) fields(list *ast.FieldList) string {
	var parts []string
	for _, field := range list.List {
		for _, name := range field.Names {
			parts = append(parts, name.Name+" "+l.source(field.Type))
		}
	}
	return strings.Join(parts, ", ")
}

func tagOf(field *ast.Field) string {
	if field.Tag == nil {
		return ""
	}
	return " " + field.Tag.Value
}

// namesOf returns the names a field declares; for an embedded one the name of its type.
func namesOf(field *ast.Field) []string {
	if len(field.Names) == 0 {
		return []string{baseName(field.Type)}
	}
	var names []string
	for _, name := range field.Names {
		names = append(names, name.Name)
	}
	return names
}

// baseName returns the name of a type without pointer, package or type arguments.
// For a type that has none, such as a union in a constraint, it is a word that counts as exported.
func baseName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.StarExpr:
		return baseName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.IndexExpr:
		return baseName(t.X)
	case *ast.IndexListExpr:
		return baseName(t.X)
	case *ast.ParenExpr:
		return baseName(t.X)
	}
	return "Union"
}
