package engine

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ParsePlan reads a plan from JSON, strictly: one object such as
//
//	{"description":"nightly","strategy":{"type":"serial"},
//	 "commands":[
//	   {"name":"check","type":"shell","command":"df -h"},
//	   {"name":"save","command":{"type":"exec","program":"save"},"timeout_ms":60000}]}
//
// A command has the fields of a request, and beside them name, depends_on, when,
// continue_on_error, retry and matrix. Where it has a "type", the fields of the command
// stand among them. All that is wrong is told at once, by a [PlanError] with lines and
// columns: what is no such plan, and what [Plan.Check] finds. The plan that comes with it is
// what could be read, of which [Engine.CheckPlan] may know more; it is never run.
func ParsePlan(data []byte) (Plan, error) {
	root, err := readTree(data)
	if err != nil {
		return Plan{}, err
	}
	r := &planReader{}
	p := r.plan(root)
	p.misread = r.list
	p.place = func(path string) (line, column int) { return placeIn(data, root.treeAt(path).at) }
	if err := p.Check(); err != nil {
		return p, err
	}
	p.place = nil // nobody needs the text any more
	return p, nil
}

// planReader reads the parts of a plan.
type planReader struct {
	planFaults

	request []string // the names of the fields of a request
}

// fields reads an object by its fields; what has no reader is a fault. A null is as if it
// was not there.
func (r *planReader) fields(t *jsonTree, readers map[string]func(*jsonTree)) {
	if t.members == nil {
		r.add(t.path, "is not an object")
		return
	}
	seen := make(map[string]bool, len(t.members))
	for _, m := range t.members {
		read, ok := readers[m.name]
		switch {
		case seen[m.name]:
			r.add(m.value.path, "is there twice")
		case !ok:
			r.add(m.value.path, "is not known: it is one of %s", strings.Join(sortedKeys(readers), ", "))
		case !m.value.isNull():
			read(m.value)
		}
		seen[m.name] = true
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// into reads a value into v, a pointer, which want describes. What is wrong leaves v as it is.
func (r *planReader) into(v any, want string) func(*jsonTree) {
	return func(t *jsonTree) {
		read := reflect.New(reflect.TypeOf(v).Elem())
		dec := json.NewDecoder(bytes.NewReader(t.raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(read.Interface()); err != nil {
			r.add(t.path, "is not %s", want)
			return
		}
		reflect.ValueOf(v).Elem().Set(read.Elem())
	}
}

// above0 reads a whole number above 0.
func (r *planReader) above0(n *int) func(*jsonTree) {
	return func(t *jsonTree) {
		var read int
		if err := json.Unmarshal(t.raw, &read); err != nil || read <= 0 {
			r.add(t.path, "is %s: must be a whole number above 0; leave it out for the default", clip(string(t.raw), 20))
			return
		}
		*n = read
	}
}

// duration reads milliseconds above 0.
func (r *planReader) duration(d *time.Duration) func(*jsonTree) {
	return func(t *jsonTree) {
		var ms int64
		if err := json.Unmarshal(t.raw, &ms); err != nil || ms <= 0 {
			r.add(t.path, "is %s: must be whole milliseconds above 0; leave it out for the default", clip(string(t.raw), 20))
			return
		}
		*d = time.Duration(min(ms, int64(Forever/time.Millisecond))) * time.Millisecond
	}
}

// each reads a list item by item.
func (r *planReader) each(read func(*jsonTree)) func(*jsonTree) {
	return func(t *jsonTree) {
		if t.items == nil {
			r.add(t.path, "is not a list")
		}
		for _, item := range t.items {
			read(item)
		}
	}
}

func (r *planReader) plan(t *jsonTree) (p Plan) {
	kind := CommandTypePlan
	r.fields(t, map[string]func(*jsonTree){
		"$schema":     func(*jsonTree) {}, // for editors
		"type":        r.into(&kind, `"plan"`),
		"id":          r.into(&p.ID, "a UUID"),
		"description": r.into(&p.Description, "a string"),
		"strategy":    func(t *jsonTree) { p.Strategy = r.strategy(t) },
		"commands":    r.each(func(t *jsonTree) { p.Commands = append(p.Commands, r.command(t)) }),
		"metadata":    r.into(&p.Metadata, "metadata: source, conversation_id and tags"),
		"halt":        func(t *jsonTree) { p.Halt = r.halt(t) },
		"timeout_ms":  r.duration(&p.Timeout),
		"lock":        r.into(&p.Lock, "a string"),
	})
	if kind != CommandTypePlan {
		r.add(t.path+"/type", "is %q: must be %q, or left out", clip(string(kind), 40), CommandTypePlan)
	}
	return p
}

func (r *planReader) strategy(t *jsonTree) (s PlanStrategy) {
	if t.members == nil {
		r.add(t.path, `is not an object, such as {"type": "%s"}`, SerialPlan)
		return s
	}
	stop := true
	r.fields(t, map[string]func(*jsonTree){
		"type":            r.into(&s.Type, "a string"),
		"stop_on_error":   r.into(&stop, "true or false"),
		"max_concurrency": r.above0(&s.MaxConcurrency),
		"dependencies":    r.into(&s.Dependencies, "an object of lists of indexes, by index"),
	})
	s.NoStopOnError = !stop
	if s.Type == "" {
		r.add(t.path, "has no type: one of %s, %s, %s", SerialPlan, ParallelPlan, GraphPlan)
	}
	return s
}

func (r *planReader) halt(t *jsonTree) (h PlanHalt) {
	mode := "soon"
	r.fields(t, map[string]func(*jsonTree){
		"failures": r.above0(&h.Failures),
		"percent":  r.above0(&h.Percent),
		"mode":     r.into(&mode, `"soon" or "now"`),
	})
	if mode != "soon" && mode != "now" {
		r.add(t.path+"/mode", `is %q: must be "soon" or "now"`, clip(mode, 40))
	}
	h.Now = mode == "now"
	if h.Failures == 0 && h.Percent == 0 {
		h.Failures = 1
	}
	return h
}

// command reads one command. What is not of the plan is of the request, and what is not
// of that is of the command.
func (r *planReader) command(t *jsonTree) (c PlanCommand) {
	own := map[string]func(*jsonTree){
		"name":              r.into(&c.Name, "a string"),
		"depends_on":        r.each(func(t *jsonTree) { c.DependsOn = append(c.DependsOn, r.reference(t)) }),
		"when":              r.each(func(t *jsonTree) { c.When = append(c.When, r.condition(t)) }),
		"continue_on_error": r.into(&c.ContinueOnError, "true or false"),
		"retry":             func(t *jsonTree) { c.Retry = r.retry(t) },
		"matrix":            func(t *jsonTree) { c.Matrix = r.matrix(t) },
	}
	if t.members == nil {
		r.add(t.path, "is not an object")
		return c
	}
	typed := slices.ContainsFunc(t.members, func(m jsonMember) bool { return m.name == "type" })
	mine := &jsonTree{path: t.path, members: []jsonMember{}}
	var request, command []jsonMember
	for _, m := range t.members {
		isRequest := slices.Contains(r.requestFields(), m.name) && (!typed || m.name != "command")
		switch {
		case own[m.name] != nil:
			mine.members = append(mine.members, m)
		case isRequest && slices.ContainsFunc(request, func(q jsonMember) bool { return q.name == m.name }):
			r.add(m.value.path, "is there twice")
		case isRequest:
			request = append(request, m)
		case typed:
			command = append(command, m)
		default:
			r.add(m.value.path, "is not known: a command of a plan has %s, and the fields of a request", strings.Join(sortedKeys(own), ", "))
		}
	}
	r.fields(mine, own)
	c.Request = r.requestOf(t.path, request, command)
	return c
}

// requestFields are the names of the fields of a request.
func (r *planReader) requestFields() []string {
	if r.request == nil {
		for f := range reflect.TypeFor[requestJSON]().Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			r.request = append(r.request, name)
		}
	}
	return r.request
}

// parseMembers reads a request of its members and those of its command.
func parseMembers(request, command []jsonMember) (Request, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	writeMembers(&b, request)
	if command != nil {
		if len(request) > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"command":{`)
		writeMembers(&b, command)
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return ParseRequest(b.Bytes())
}

// requestOf makes a request of its members and those of its command.
func (r *planReader) requestOf(path string, request, command []jsonMember) Request {
	asked, err := parseMembers(request, command)
	if err == nil {
		return asked
	}
	well, found := r.misread(path, request, command)
	if !found {
		r.wrong(path, err)
	}
	return well
}

// misread tells what is wrong with the members of a request one by one, each where it
// stands, and what is with its command; found is whether there was anything. The rest it reads,
// unless the directory is not, without which nobody knows what else is there.
func (r *planReader) misread(path string, request, command []jsonMember) (well Request, found bool) {
	before := len(r.list)
	var rest []jsonMember
	nowhere := false
	for i, m := range request {
		var b bytes.Buffer
		b.WriteByte('{')
		writeMembers(&b, request[i:i+1])
		b.WriteByte('}')
		if err := json.Unmarshal(b.Bytes(), &requestJSON{}); err != nil {
			words := strings.TrimPrefix(inJSONWords(err), m.name)
			r.add(m.value.path, "%s", strings.TrimLeft(words, ". "))
		} else if _, err := ParseRequest(b.Bytes()); err != nil {
			r.wrong(m.value.path, err)
		} else {
			rest = append(rest, m)
			continue
		}
		nowhere = nowhere || m.name == "working_dir"
	}
	if command != nil {
		r.misreadCommand(path, command)
	}
	if !nowhere && len(rest) < len(request) {
		well, _ = parseMembers(rest, command) // what is wrong was told
	}
	return well, len(r.list) > before
}

// misreadCommand tells what is wrong with a command whose fields stand among those of its
// request.
func (r *planReader) misreadCommand(path string, command []jsonMember) {
	fields := make([]jsonField, len(command))
	at := map[string]string{} // as faults name fields
	for i, m := range command {
		fields[i] = jsonField{m.name, m.value.raw}
		at[m.name], at[quoteWord(m.name)] = m.value.path, m.value.path
	}
	kind, err := commandType(fields)
	switch {
	case err != nil:
		r.wrong(at["type"], err)
		return
	case kind == CommandTypePlan:
		r.add(at["type"], "is a plan: plans do not nest")
		return
	}
	_, faults := readCommand(kind, fields)
	for i := range faults {
		field := faults[i].field
		r.wrong(cmp.Or(at[field], path+"/"+pointerWord(field)), invalidCommand(kind, faults[i:i+1]))
	}
}

func writeMembers(b *bytes.Buffer, members []jsonMember) {
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.name) //nolint:errchkjson // a string
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value.raw)
	}
}

// reference reads a name, or an index.
func (r *planReader) reference(t *jsonTree) (ref string) {
	var index uint
	if json.Unmarshal(t.raw, &index) == nil {
		return string(t.raw)
	}
	r.into(&ref, "the name of a command, or its index")(t)
	return ref
}

func (r *planReader) condition(t *jsonTree) (c PlanCondition) {
	r.fields(t, map[string]func(*jsonTree){
		"command":    func(t *jsonTree) { c.Command = r.reference(t) },
		"status":     r.into(&c.Status, "a list of states"),
		"exit_codes": r.into(&c.ExitCodes, "a list of whole numbers"),
	})
	return c
}

func (r *planReader) retry(t *jsonTree) (y PlanRetry) {
	r.fields(t, map[string]func(*jsonTree){
		"attempts":       r.above0(&y.Attempts),
		"backoff_ms":     r.duration(&y.Backoff),
		"max_backoff_ms": r.duration(&y.MaxBackoff),
		"exit_codes":     r.into(&y.ExitCodes, "a list of whole numbers"),
		"stderr":         r.into(&y.Stderr, "a list of regular expressions"),
		"timeouts":       r.into(&y.Timeouts, "true or false"),
	})
	return y
}

func (r *planReader) matrix(t *jsonTree) (m PlanMatrix) {
	r.fields(t, map[string]func(*jsonTree){
		"axes":            r.into(&m.Axes, "an object of lists of strings"),
		"max_concurrency": r.above0(&m.MaxConcurrency),
	})
	return m
}
