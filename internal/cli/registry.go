package cli

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
)

// registryOptions say how images are fetched.
type registryOptions struct {
	RegistryAuth string `help:"File with the credentials for image registries, as docker login writes it: a config.json. Only its owner should be able to read it (0600). It is read whenever images are fetched." type:"path" placeholder:"FILE"`
}

// check refuses a file that nobody could use, and says where it is read by too many.
func (o registryOptions) check(log *slog.Logger) error {
	if o.RegistryAuth == "" {
		return nil
	}
	text, err := os.ReadFile(o.RegistryAuth)
	if err != nil {
		return exitWith(exitConfiguration, fmt.Errorf("cannot read --registry-auth: %w", err))
	}
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	// What the file holds is secret: no error may quote it.
	if json.Unmarshal(text, &config) != nil || len(config.Auths) == 0 {
		return exitWith(exitConfiguration, fmt.Errorf("cannot use --registry-auth %s: it holds no credentials as docker login writes them, {\"auths\": ...}", o.RegistryAuth))
	}
	if info, err := os.Stat(o.RegistryAuth); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read the credentials for registries: chmod 600", "file", o.RegistryAuth)
	}
	return nil
}

// args are the options as another process of this program is given them.
func (o registryOptions) args() []string {
	if o.RegistryAuth == "" {
		return nil
	}
	return []string{"--registry-auth=" + o.RegistryAuth}
}
