package process

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
)

// unified names the hierarchy of cgroup version 2 where a controller of version 1
// could stand.
const unified = ""

var errNotMounted = errors.New("not mounted here")

// ownCgroup is the folder of the cgroup that this process is in: in the
// hierarchy of version 1 that has the controller, or in the unified one.
func ownCgroup(controller string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	member, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	return findCgroup(string(mounts), string(member), controller)
}

// findCgroup reads mountinfo and cgroup of /proc/PID; see proc(5) and cgroups(7).
func findCgroup(mounts, member, controller string) (string, error) {
	own, err := memberOf(member, controller)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 5 || len(fields) < dash+4 {
			continue
		}
		kind, options := fields[dash+1], fields[dash+3]
		if controller == unified && kind != "cgroup2" ||
			controller != unified && (kind != "cgroup" || !slices.Contains(strings.Split(options, ","), controller)) {
			continue
		}
		// What is mounted may be a part of the hierarchy, as in a container.
		root, point := unescape(fields[3]), unescape(fields[4])
		below, ok := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
		if !ok || below != "" && below[0] != '/' {
			below = "/" // our path is told from another root: what is mounted has to do
		}
		return path.Join(point, below), nil
	}
	return "", errNotMounted
}

// memberOf is the path of our cgroup in a hierarchy, from its root.
func memberOf(member, controller string) (string, error) {
	for line := range strings.Lines(member) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, own, _ := strings.Cut(rest, ":")
		if names == controller || slices.Contains(strings.Split(names, ","), controller) {
			return own, nil
		}
	}
	return "", errNotMounted
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
