// Command schemas writes what kubeconform validates the chart by: a JSON schema for each kind that the chart makes, from
// Kubernetes' own OpenAPI document and the CRDs of KEDA and the Prometheus operator, as their Go modules have them. Unknown fields are refused.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const kubernetes, keda, operator = "k8s.io/kubernetes@v1.34.2", "github.com/kedacore/keda/v2@v2.21.0", "github.com/prometheus-operator/prometheus-operator@v0.85.0"

// The kinds of Kubernetes itself, by the files that kubeconform looks for: kind-group-version.
var kinds = map[string]string{
	"deployment-apps-v1":            "io.k8s.api.apps.v1.Deployment",
	"job-batch-v1":                  "io.k8s.api.batch.v1.Job",
	"service-v1":                    "io.k8s.api.core.v1.Service",
	"serviceaccount-v1":             "io.k8s.api.core.v1.ServiceAccount",
	"configmap-v1":                  "io.k8s.api.core.v1.ConfigMap",
	"ingress-networking-v1":         "io.k8s.api.networking.v1.Ingress",
	"networkpolicy-networking-v1":   "io.k8s.api.networking.v1.NetworkPolicy",
	"poddisruptionbudget-policy-v1": "io.k8s.api.policy.v1.PodDisruptionBudget",
}

var resources = map[string][2]string{
	"scaledobject-keda-v1alpha1":   {keda, "config/crd/bases/keda.sh_scaledobjects.yaml"},
	"servicemonitor-monitoring-v1": {operator, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"},
	"prometheusrule-monitoring-v1": {operator, "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schemas FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string) error {
	root, err := module(kubernetes)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(root, "api/openapi-spec/swagger.json"))
	if err != nil {
		return err
	}
	var doc struct{ Definitions map[string]any }
	if err := json.Unmarshal(content, &doc); err != nil {
		return err
	}
	for file, name := range kinds {
		needed := map[string]any{}
		collect(doc.Definitions, name, needed)
		for n, d := range needed {
			needed[n] = strict(d)
		}
		if err := write(folder, file, map[string]any{"$ref": "#/definitions/" + name, "definitions": needed}); err != nil {
			return err
		}
	}
	for file, from := range resources {
		schema, err := ofResource(from[0], from[1])
		if err != nil {
			return err
		}
		if err := write(folder, file, schema); err != nil {
			return err
		}
	}
	return nil
}

// module returns where a module's files are, fetched if need be.
func module(path string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", path).Output()
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", path, err)
	}
	var found struct{ Dir string }
	return found.Dir, json.Unmarshal(out, &found)
}

// ofResource is the newest schema of a custom resource's definition.
func ofResource(path, file string) (any, error) {
	root, err := module(path)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema map[string]any }
			}
		}
	}
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return nil, err
	}
	schema := crd.Spec.Versions[len(crd.Spec.Versions)-1].Schema.OpenAPIV3Schema
	delete(schema["properties"].(map[string]any), "status")
	return strict(schema), nil
}

// collect finds a definition and those that it refers to.
func collect(all map[string]any, name string, into map[string]any) {
	if _, known := into[name]; known {
		return
	}
	into[name] = all[name]
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				collect(all, strings.TrimPrefix(ref, "#/definitions/"), into)
			}
			for _, of := range v {
				walk(of)
			}
		case []any:
			for _, of := range v {
				walk(of)
			}
		}
	}
	walk(all[name])
}

// strict leaves out what validates nothing, refuses fields that are not there, and says what a number or a string is in JSON Schema's terms.
func strict(v any) any {
	schema, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if schema["format"] == "int-or-string" || schema["x-kubernetes-int-or-string"] == true {
		return map[string]any{"type": []string{"string", "integer"}}
	}
	out := map[string]any{}
	for key, value := range schema {
		switch {
		case key == "description", key == "title", key == "default", key == "format", strings.HasPrefix(key, "x-kubernetes-"):
		case key == "properties":
			of := map[string]any{}
			for name, p := range value.(map[string]any) {
				of[name] = strict(p)
			}
			out[key] = of
			if _, open := schema["additionalProperties"]; !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
				out["additionalProperties"] = false
			}
		case key == "items", key == "additionalProperties", key == "not":
			out[key] = strict(value)
		case key == "allOf", key == "anyOf", key == "oneOf":
			// Parts of a structural schema repeat properties only to require them.
			var parts []any
			for _, p := range value.([]any) {
				part, _ := p.(map[string]any)
				if part["required"] != nil {
					parts = append(parts, map[string]any{"required": part["required"]})
				}
			}
			if len(parts) > 0 {
				out[key] = parts
			}
		default:
			out[key] = value
		}
	}
	return out
}

func write(folder, name string, schema any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(schema); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".json"), b.Bytes(), 0o644)
}
