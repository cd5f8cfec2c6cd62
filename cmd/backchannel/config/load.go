package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Value is a setting in force and where it came from: flag, environment, file, or default.
type Value struct {
	Text   string
	Source string
}

// Config holds every setting.
type Config struct{ values map[string]Value }

// Load resolves all settings. flags holds those given on the command line, env looks up a variable, and file is the path
// of the optional configuration file (YAML, one 'name: value' a line). The error names every wrong setting, where it
// was set and how to right it.
func Load(flags map[string]string, env func(string) (string, bool), file string) (*Config, error) {
	c := &Config{values: make(map[string]Value, len(Settings))}
	fromFile, err := readFile(file)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, s := range Settings {
		v, err := resolve(s, flags, env, fromFile, file)
		if err == nil {
			err = s.validate(v)
		}
		if err != nil {
			problems = append(problems, err)
		}
		c.values[s.Name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(fromFile)) {
		if _, known := Lookup(name); !known {
			problems = append(problems, fmt.Errorf("%s: there is no setting %q%s; 'backchannel config' lists them all", file, name, suggestion(name)))
		}
	}
	if len(problems) == 0 {
		problems = c.contradictions()
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return c, nil
}

func resolve(s Setting, flags map[string]string, env func(string) (string, bool), fromFile map[string]string, file string) (Value, error) {
	if v, ok := flags[s.Name]; ok {
		return Value{v, "flag --" + s.Name}, nil
	}
	v, set := env(s.Env())
	path, named := "", false
	if s.Secret {
		path, named = env(s.Env() + "_FILE")
	}
	switch {
	case set && named:
		return Value{}, fmt.Errorf("%s and %[1]s_FILE are both set: unset one", s.Env())
	case set:
		return Value{v, "environment " + s.Env()}, nil
	case named:
		return fromSecretFile(s, path)
	}
	if v, ok := fromFile[s.Name]; ok {
		return Value{v, "file " + file}, nil
	}
	return Value{s.Default, "default"}, nil
}

// fromSecretFile reads a secret as Kubernetes and Docker mount it. An empty one is a mistake: somebody meant to set it.
func fromSecretFile(s Setting, path string) (Value, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Value{}, fmt.Errorf("%s_FILE: %w", s.Env(), err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return Value{}, fmt.Errorf("%s_FILE: %s is empty", s.Env(), path)
	}
	return Value{text, "file named by " + s.Env() + "_FILE"}, nil
}

func (s Setting) validate(v Value) error {
	check := s.check
	if s.Bool {
		check = func(text string) error {
			if _, err := strconv.ParseBool(text); err != nil {
				return errors.New("want true or false")
			}
			return nil
		}
	}
	if check == nil {
		return nil
	}
	err := check(v.Text)
	if err == nil {
		return nil
	}
	shown := strconv.Quote(v.Text)
	if s.Secret || strings.Contains(v.Text, "@") || strings.Contains(v.Text, "://") { // it may hold a password
		shown = "its value"
	}
	return fmt.Errorf("%s (%s): %s is not valid: %w", s.Name, v.Source, shown, err)
}

func readFile(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	var raw map[string]yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&raw); err != nil && !errors.Is(err, io.EOF) { // an empty file sets nothing
		return nil, fmt.Errorf("%s: want one 'name: value' a line", path)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) { // the parser stops where a mapping ends, whatever follows
		return nil, fmt.Errorf("%s: want one 'name: value' a line; something stands behind them", path)
	}
	values := make(map[string]string, len(raw))
	for name, node := range raw {
		if node.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s: %s: want a plain value", path, name)
		}
		if node.Tag != "!!null" { // 'name:' and 'name: ~' are nothing, not the text ~
			values[name] = node.Value
			continue
		}
		values[name] = ""
	}
	return values, nil
}

// String returns a setting's value. Asking for a setting that is not declared is a mistake in the program.
func (c *Config) String(name string) string {
	v, ok := c.values[name]
	if !ok {
		panic("config: no setting " + name)
	}
	return v.Text
}

// Bool returns a setting that is true or false; validation has seen to it.
func (c *Config) Bool(name string) bool {
	b, _ := strconv.ParseBool(c.String(name)) // validated
	return b
}

// Int returns a number; validation has seen to it.
func (c *Config) Int(name string) int {
	n, _ := strconv.Atoi(c.String(name)) // validated
	return n
}

// Duration returns a duration; validation has seen to it.
func (c *Config) Duration(name string) time.Duration {
	d, _ := time.ParseDuration(c.String(name)) // validated
	return d
}

// List returns a comma-separated setting's parts.
func (c *Config) List(name string) []string {
	var parts []string
	for part := range strings.SplitSeq(c.String(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// Explicit reports whether somebody set it.
func (c *Config) Explicit(name string) bool { return c.values[name].Source != "default" }

// Set overrides a setting, saying by what: an embedded engine that took a free port, a key made at first start.
func (c *Config) Set(name, text, source string) {
	c.String(name) // declared
	c.values[name] = Value{text, source}
}
