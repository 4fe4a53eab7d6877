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
	found, err := s.repo(r.PathValue("owner"), r.PathValue("repo"))
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
