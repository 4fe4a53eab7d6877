package swarmtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// RegistryAddress is where an engine finds its registry. Docker takes no offence at
// plain HTTP on loopback.
const RegistryAddress = "127.0.0.1:5000"

// Variable names the folder of images, before .cache/registry is searched.
const Variable = "SEATRIAL_REGISTRY"

// ErrNoImages says that there is nothing to run.
var ErrNoImages = errors.New("there are no images: build them with dev/docker/build, or name their folder in " + Variable)

// Find looks for the images of dev/docker/build: in the environment, and above the
// current folder.
func Find() (string, error) {
	if named := os.Getenv(Variable); named != "" {
		return named, nil
	}
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		folder := filepath.Join(dir, ".cache", "registry")
		if _, err := os.Stat(filepath.Join(folder, "docker")); err == nil {
			return folder, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return "", ErrNoImages
}

func (e *Engine) startRegistry(ctx context.Context) error {
	if e.Registry == "" {
		return nil
	}
	folder, err := filepath.Abs(e.Registry)
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(map[string]any{
		"version": "0.1",
		"log":     map[string]any{"level": "warn", "accesslog": map[string]any{"disabled": true}},
		"http":    map[string]any{"addr": RegistryAddress, "secret": "loopback"},
		"storage": map[string]any{
			"filesystem":  map[string]any{"rootdirectory": folder},
			"maintenance": map[string]any{"readonly": map[string]any{"enabled": !e.Writable}},
		},
	})
	if err == nil {
		err = os.WriteFile(e.file("registry.yml"), text, 0o600)
	}
	if err != nil {
		return err
	}
	e.registry, err = start(e.inside("docker-registry", "serve", e.file("registry.yml")), e.file("registry.log"))
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: e.Dial, DisableKeepAlives: true}}
	return e.registry.await(ctx, "the registry", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+RegistryAddress+"/v2/", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the registry answers %s", answer.Status)
		}
		return nil
	})
}
