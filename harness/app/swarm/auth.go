package swarm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
)

// auth are credentials for registries.
type auth struct {
	file  string
	known map[string]registry.AuthConfig // by the registry's address
}

// readAuth reads a docker config.json. Credential helpers are programs, and are not run.
func readAuth(file string) (auth, error) {
	if file == "" {
		return auth{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return auth{}, fmt.Errorf("cannot read the credentials for registries: %w", err)
	}
	var config struct {
		Auths map[string]struct {
			Auth, Username, Password, IdentityToken string
		} `json:"auths"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return auth{}, fmt.Errorf("cannot read the credentials for registries in %s: it is no config.json of docker login: %w", file, err)
	}
	a := auth{file: file, known: map[string]registry.AuthConfig{}}
	for address, c := range config.Auths {
		one := registry.AuthConfig{Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken, ServerAddress: address}
		if pair, err := base64.StdEncoding.DecodeString(c.Auth); err == nil && one.Username == "" {
			one.Username, one.Password, _ = strings.Cut(string(pair), ":")
		}
		a.known[host(address)] = one
	}
	return a, nil
}

// dockerHub is how docker login names the registry of images without an address.
const dockerHub = "index.docker.io"

func host(address string) string {
	_, after, ok := strings.Cut(address, "://")
	if !ok {
		after = address
	}
	name, _, _ := strings.Cut(after, "/")
	return name
}

// of are the credentials with which an image is pulled.
func (a auth) of(image reference.Named) (registry.AuthConfig, bool) {
	domain := reference.Domain(image)
	if domain == "docker.io" {
		domain = dockerHub
	}
	c, ok := a.known[domain]
	return c, ok
}

// header is what the engine is sent to pull an image; empty without credentials.
func (a auth) header(image reference.Named) (string, error) {
	c, ok := a.of(image)
	if !ok {
		return "", nil
	}
	return authconfig.Encode(c)
}
