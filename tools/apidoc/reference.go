package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const head = `# The API, verb by verb

Written by ` + "`make generate`" + ` from the comments in [proto/cloudops/v1](../proto/cloudops/v1): change them there. How to call it, with
examples, is in [api.md](api.md#behind-a-wire); what the fields of requests, results and events mean in full in
[types.md](types.md), errors in [error-handling.md](error-handling.md). The same verbs and bodies go over the pipes of the
[sidecar](sidecar.md), and what a ` + "`plan`" + ` is stands in [plans.md](plans.md).

A verb is a POST to ` + "`/cloudops.v1.ExecutionService/VERB`" + ` of its message, as JSON or protobuf. Fields have in JSON the names that
they have here; one that is absent has its default.
`

// reference is the text of all services and messages in some files.
func reference(files []protoreflect.FileDescriptor) string {
	var out strings.Builder
	out.WriteString(head)
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	for _, f := range files {
		for i := range f.Services().Len() {
			verbs(&out, f.Services().Get(i))
		}
	}
	out.WriteString("\n## Messages\n")
	var all []protoreflect.MessageDescriptor
	for _, f := range files {
		all = gather(all, f.Messages())
	}
	slices.SortFunc(all, func(a, b protoreflect.MessageDescriptor) int { return cmp.Compare(title(a), title(b)) })
	for _, m := range all {
		message(&out, m)
	}
	return out.String()
}

// gather adds messages, and those in them, but for the pairs of which maps are made.
func gather(all []protoreflect.MessageDescriptor, more protoreflect.MessageDescriptors) []protoreflect.MessageDescriptor {
	for i := range more.Len() {
		if m := more.Get(i); !m.IsMapEntry() {
			all = gather(append(all, m), m.Messages())
		}
	}
	return all
}

func verbs(out *strings.Builder, s protoreflect.ServiceDescriptor) {
	fmt.Fprintf(out, "\n## Verbs\n\n%s\n\n| verb | takes | answers | does |\n|---|---|---|---|\n", said(s))
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		answer := link(m.Output())
		if m.IsStreamingServer() {
			answer = "a stream of " + answer
		}
		does := said(m)
		options, ok := m.Options().(*descriptorpb.MethodOptions)
		if ok && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
			does += " May be asked by GET."
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", m.Name(), link(m.Input()), answer, does)
	}
}

func message(out *strings.Builder, m protoreflect.MessageDescriptor) {
	fmt.Fprintf(out, "\n### %s\n", title(m))
	if text := said(m); text != "" {
		fmt.Fprintf(out, "\n%s\n", text)
	}
	if m.Fields().Len() == 0 {
		out.WriteString("\nIt has no fields.\n")
		return
	}
	out.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		text := said(f)
		if one := f.ContainingOneof(); one != nil && !one.IsSynthetic() {
			text = strings.TrimSpace(text + " One of `" + string(one.Name()) + "`.")
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", f.TextName(), kind(f), text)
	}
}

// kind is the type of a field.
func kind(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return kind(f.MapKey()) + " → " + kind(f.MapValue())
	case f.IsList():
		return "list of " + single(f)
	case f.HasOptionalKeyword():
		return single(f) + ", optional"
	}
	return single(f)
}

// single is the type of one value of a field.
func single(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return link(f.Message())
	case protoreflect.EnumKind:
		return string(f.Enum().Name())
	case protoreflect.BytesKind:
		return "bytes, in JSON as base64"
	default:
		return f.Kind().String()
	}
}

// title is the name of a message in the contract, and of its section.
func title(m protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(string(m.FullName()), contract+".")
}

// link leads to the section of a message, where there is one.
func link(m protoreflect.MessageDescriptor) string {
	if m.ParentFile().Package() != contract {
		return string(m.Name())
	}
	name := title(m)
	return fmt.Sprintf("[%s](#%s)", name, strings.ReplaceAll(strings.ToLower(name), ".", ""))
}

// said is the comment above something, in one line that may stand in a table.
func said(d protoreflect.Descriptor) string {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := strings.Join(strings.Fields(at.LeadingComments+" "+at.TrailingComments), " ")
	return strings.ReplaceAll(text, "|", `\|`)
}
