package forgetest

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
)

// gitInfo and gitUpload let git fetch over HTTP, in its stateless protocol. Pushing is
// not offered: Push and its like do that.
func (s *Server) gitInfo(w http.ResponseWriter, r *http.Request) {
	const service = "git-upload-pack"
	if r.FormValue("service") != service {
		http.Error(w, "this forge only lets you fetch", http.StatusForbidden)
		return
	}
	dir, ok := s.gitDir(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	w.Header().Set("Cache-Control", "no-cache")
	if !strings.Contains(r.Header.Get("Git-Protocol"), "version=2") {
		line := "# service=" + service + "\n"
		fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
	}
	s.uploadPack(w, r, dir, nil, "--advertise-refs")
}

func (s *Server) gitUpload(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.gitDir(w, r)
	if !ok {
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	w.Header().Set("Cache-Control", "no-cache")
	s.uploadPack(w, r, dir, body)
}

func (s *Server) gitDir(w http.ResponseWriter, r *http.Request) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, name := r.PathValue("owner"), strings.TrimSuffix(r.PathValue("repo"), ".git")
	found, err := s.repo(owner, name)
	if moved := s.hub.moved[strings.ToLower(owner+"/"+name)]; err != nil && moved != nil && s.kind == GitHub {
		http.Redirect(w, r, fmt.Sprintf("/%s/%s.git/%s?%s", moved.owner, moved.name, gitService(r.URL.Path), r.URL.RawQuery), http.StatusMovedPermanently)
		return "", false
	}
	if err == nil && (s.kind == GitHub || found.private) && !s.mayFetch(r, found) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		http.Error(w, "Repository not found.", http.StatusUnauthorized)
		return "", false
	}
	if err != nil || found.dir == "" {
		http.NotFound(w, r)
		return "", false
	}
	return found.dir, true
}

func (s *Server) uploadPack(w io.Writer, r *http.Request, dir string, body io.Reader, flags ...string) {
	args := append([]string{"-c", "safe.directory=*", "-c", "gc.auto=0", "upload-pack", "--stateless-rpc"}, flags...)
	cmd := exec.CommandContext(r.Context(), "git", append(args, dir)...)
	// The client may ask for version 2 of the protocol; nothing else of it reaches git.
	if v := r.Header.Get("Git-Protocol"); v != "" && strings.Trim(v, "version=0123456789:") == "" {
		cmd.Env = gitEnv("GIT_PROTOCOL=" + v)
	} else {
		cmd.Env = gitEnv()
	}
	cmd.Stdin, cmd.Stdout = body, w
	if err := cmd.Run(); err != nil && r.Context().Err() == nil {
		s.log.Debug("git could not be served", "repo", r.URL.Path, "err", err)
	}
}

// gitService is what a request to git is for.
func gitService(path string) string {
	if strings.HasSuffix(path, "/info/refs") {
		return "info/refs"
	}
	return "git-upload-pack"
}

// mayFetch says whether a request's credentials let it read a repository: a wrong token
// is refused even for a public one.
func (s *Server) mayFetch(r *http.Request, found *repo) bool {
	by, err := s.identify(r)
	if err != nil || by.app != nil {
		return false
	}
	return s.sees(by, found) && (by.grant == nil || !found.private || by.grant.allows(found, "contents", "read"))
}
