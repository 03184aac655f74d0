package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/daemon"
)

// configVariable names the file where no flag does. It is the only variable of
// ours that is no setting.
const configVariable = engine.EnvPrefix + "CONFIG"

// maxConfigBytes is far above any configuration, and far below what hurts.
const maxConfigBytes = 1 << 20

// config is what a file and variables say: of the engine, and of a daemon.
type config struct {
	engine engine.Config
	daemon daemon.Settings
}

// loadConfig reads what is said of the engine. The path that it returns is that of the
// file, "" where there is none.
func loadConfig(flag string) (engine.Config, string, error) {
	c, path, err := loadAll(flag)
	return c.engine, path, err
}

// loadAll reads the configuration: the file, and over it the variables.
func loadAll(flag string) (c config, path string, err error) {
	path, asked := configPath(flag)
	if path != "" {
		err := readConfigFile(path, &c)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !asked:
			path = ""
		case err != nil:
			return c, path, err
		}
	}
	if err := errors.Join(c.engine.ReadEnv(os.LookupEnv), c.daemon.ReadEnv(os.LookupEnv)); err != nil {
		return c, path, fmt.Errorf("environment: %w", err)
	}
	return c, path, c.engine.Validate()
}

// configPath says which file to read, and whether somebody asked for it: one that
// was not asked for need not be there.
func configPath(flag string) (path string, asked bool) {
	if flag != "" {
		return flag, true
	}
	if path := os.Getenv(configVariable); path != "" {
		return path, true
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", false
	}
	return filepath.Join(dir, "cloudops", "config.yaml"), false
}

func readConfigFile(path string, c *config) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return about("config", err)
	case info.Size() > maxConfigBytes:
		return fmt.Errorf("%s has %d bytes: at most %d", path, info.Size(), maxConfigBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return about("config", err)
	}
	return readConfig(path, data, c)
}

// readConfig reads YAML, of which JSON is a part, over what c holds. The engine and
// the daemon get it key by key: they alone know the keys, and so each of their errors
// belongs to a line. Every fault is reported at once.
func readConfig(path string, data []byte, c *config) error {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return syntaxFault(path, err)
	}
	var faults []error
	for i, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		mapping, ok := doc.Body.(*ast.MappingNode)
		if !ok || i > 0 {
			line := doc.Body.GetToken().Position.Line
			return fault("a setting is KEY: VALUE, one a line", "%s:%d: not a list of settings", path, line)
		}
		for _, entry := range mapping.Values {
			if err := readSetting(entry, c); err != nil {
				faults = append(faults, fmt.Errorf("%s:%d: %w", path, entry.Key.GetToken().Position.Line, err))
			}
		}
	}
	return errors.Join(faults...)
}

func readSetting(entry *ast.MappingValueNode, c *config) error {
	name := entry.Key.GetToken().Value
	var value any
	if err := yaml.NodeToValue(entry.Value, &value); err != nil {
		return fault("write the value itself", "%s has a value that cannot be read", clip(name))
	}
	if slices.Contains(daemon.SettingNames(), name) {
		return c.daemon.Set(name, value)
	}
	text, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		return fault("write the value itself", "%s has a value that cannot be read", clip(name))
	}
	err = c.engine.UnmarshalJSON(text)
	if near := nearestSetting(name); err != nil && near != "" && near != name {
		return engine.Advise(err, "did you mean %s?", near)
	}
	return err
}

// syntaxFault is an error of the parser on one line; it draws the place over
// several.
func syntaxFault(path string, err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("%s: %s", path, first)
	}
	return fmt.Errorf("%s:%d: %s", path, at.GetToken().Position.Line, at.GetMessage())
}

// nearestSetting is the setting that somebody most likely meant.
func nearestSetting(name string) string {
	data, err := engine.Config{}.MarshalJSON()
	if err != nil {
		return ""
	}
	var settings map[string]any
	if err := json.Unmarshal(data, &settings); err != nil {
		return ""
	}
	names := daemon.SettingNames()
	for known := range settings {
		names = append(names, known)
	}
	return nearest(name, names)
}
