package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// A Block is a fenced block of a Markdown text.
type Block struct {
	Line int    // where its first line stands, counted from 1
	Text string // what is between the fences
}

// fencedBlocks returns the blocks whose opening fence is three backticks and the word given.
func fencedBlocks(markdown, word string) []Block {
	const fence = "```"
	var blocks []Block
	var open, wanted bool
	number := 0
	for line := range strings.Lines(markdown) {
		number++
		text := strings.TrimRight(line, " \t\r\n")
		switch {
		case !open && strings.HasPrefix(text, fence):
			open, wanted = true, text == fence+word
			if wanted {
				blocks = append(blocks, Block{Line: number + 1})
			}
		case open && text == fence:
			open, wanted = false, false
		case wanted:
			blocks[len(blocks)-1].Text += line
		}
	}
	return blocks
}

// Programs returns the blocks of a Markdown text marked "go" that are whole programs, which a reader will copy.
func Programs(markdown string) []Block {
	return slices.DeleteFunc(fencedBlocks(markdown, "go"), func(b Block) bool {
		file, err := parser.ParseFile(token.NewFileSet(), "", b.Text, parser.SkipObjectResolution)
		return file == nil || file.Name == nil || file.Name.Name != "main" || err == nil && !hasMain(file)
	})
}

func hasMain(file *ast.File) bool {
	return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && f.Name.Name == "main"
	})
}

// Code returns a Go program without the comment above its package clause, and without space around it.
// An example that is a package of its own has to have that comment; a README does not.
func Code(program string) string {
	const clause = "package "
	if i := strings.Index("\n"+program, "\n"+clause); i >= 0 {
		program = program[i:]
	}
	return strings.TrimSpace(program)
}

// NamedTestsExist faults names of tests in a Markdown text that no file of the tree has.
func NamedTestsExist(name, markdown string, tree *Tree) []string {
	known := map[string]bool{}
	for _, p := range tree.Packages {
		for _, f := range p.Files {
			for _, d := range f.Syntax.Decls {
				if f.IsTest {
					known[nameOf(d)] = true
				}
			}
		}
	}
	var faults []string
	number := 0
	for line := range strings.Lines(markdown) {
		number++
		for _, test := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w+`).FindAllString(line, -1) {
			if !known[test] {
				faults = append(faults, at(name, number, "there is no test %s", test))
			}
		}
	}
	return faults
}

// nameOf is the name of a function, "" of what is none.
func nameOf(d ast.Decl) string {
	if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
		return f.Name.Name
	}
	return ""
}

// ProgramsStayOutside faults programs in a Markdown text that import what a user of the module cannot.
func ProgramsStayOutside(name, markdown, module string) []string {
	var faults []string
	for _, program := range Programs(markdown) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, program.Text, parser.ImportsOnly)
		if err != nil {
			faults = append(faults, at(name, program.Line, "the program does not parse: %v", err))
			continue
		}
		for _, spec := range file.Imports {
			if isWithin(pathOf(spec), module+"/internal") {
				line := program.Line + fset.Position(spec.Pos()).Line - 1
				faults = append(faults, at(name, line, "the program imports %s: no reader can; show the public way", pathOf(spec)))
			}
		}
	}
	return faults
}
