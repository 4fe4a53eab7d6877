package forgetest

// ForgeKind is the protocol that a Server speaks.
type ForgeKind int

// The kinds of forge.
const (
	Gitea   ForgeKind = iota // API at /api/v1
	Forgejo                  // as Gitea, but its webhooks carry X-Forgejo headers too
	GitHub                   // API at /api/v3, as an Enterprise server has it
)

// GitHubID is the forge's id in the repositories of a Server that speaks GitHub's protocol.
const GitHubID = "github"

// ID is the forge's id in the repositories of this world: ForgeID or GitHubID.
func (s *Server) ID() string {
	if s.kind == GitHub {
		return GitHubID
	}
	return ForgeID
}

// prefix is where the API begins.
func (s *Server) prefix() string {
	if s.kind == GitHub {
		return "/api/v3"
	}
	return apiPrefix
}
