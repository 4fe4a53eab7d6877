package dispatch

// Settings are the operator's, for the runs of one machine. They go to the harness in
// its job's file, which only its owner can read, never as arguments: whoever lists
// processes reads those.
type Settings struct {
	PublicURL string `json:"public_url,omitempty"` // of the dashboard; an app's is a subdomain beside it
	Domain    string `json:"domain,omitempty"`     // of the apps

	Share    []string `json:"share,omitempty"`     // folders that isolated builds and apps may read
	BuildEnv []string `json:"build_env,omitempty"` // KEY=VALUE, for builds alone

	Vault        string `json:"vault,omitempty"`         // what keeps backups while a run lives; empty: the archive
	Docker       string `json:"docker,omitempty"`        // address of the engine for Co-op Cloud recipes
	RegistryAuth string `json:"registry_auth,omitempty"` // file with credentials for image registries

	TLSCert string `json:"tls_cert,omitempty"` // files with the certificate of *.Domain and its key
	TLSKey  string `json:"tls_key,omitempty"`
	Traefik string `json:"traefik,omitempty"` // host:port of a Traefik that leads to apps in the swarm
}
