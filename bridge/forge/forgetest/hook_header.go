package forgetest

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// hookHeader has what each kind of forge sends. A Gitea's webhook looks like one of
// GitHub's as well; without a secret it carries signatures all the same, empty ones.
func (s *Server) hookHeader(h *hook, kind hookKind, body []byte) http.Header {
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	sign := func(by func() hash.Hash) string {
		if h.secret == "" {
			return ""
		}
		mac := hmac.New(by, []byte(h.secret))
		mac.Write(body)
		return hex.EncodeToString(mac.Sum(nil))
	}
	header.Set("X-GitHub-Event", kind.event)
	header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	if s.kind == GitHub {
		header.Set("User-Agent", "GitHub-Hookshot/044aadd")
		header.Set("Accept", "*/*")
		header.Set("X-GitHub-Hook-ID", strconv.FormatInt(h.id, 10))
		header.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(h.repo.id, 10))
	} else {
		header.Set("User-Agent", "Go-http-client/1.1")
		header.Set("X-GitHub-Event-Type", cmp.Or(kind.subscription, kind.event))
		for _, name := range s.ownNames() {
			header.Set("X-"+name+"-Event", kind.event)
			header.Set("X-"+name+"-Event-Type", cmp.Or(kind.subscription, kind.event))
			header.Set("X-"+name+"-Signature", sign(sha256.New))
		}
		header.Set("X-Gitea-Hook-Installation-Target-Type", "repository")
	}
	if h.secret != "" || s.kind != GitHub {
		header.Set("X-Hub-Signature", "sha1="+sign(sha1.New))
		header.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New))
	}
	setDelivery(header, uuid.NewString())
	if s.kind != GitHub {
		for _, name := range s.ownNames() {
			header.Set("X-"+name+"-Delivery", header.Get("X-GitHub-Delivery"))
		}
	}
	return header
}

// ownNames are what a Gitea's headers are called by, besides GitHub's names.
func (s *Server) ownNames() []string {
	if s.kind == Forgejo {
		return []string{"Gitea", "Gogs", "Forgejo"}
	}
	return []string{"Gitea", "Gogs"}
}

// setDelivery gives a webhook another delivery id, under all names that it has.
func setDelivery(h http.Header, guid string) {
	h.Set("X-GitHub-Delivery", guid)
	for _, name := range []string{"X-Gitea-Delivery", "X-Gogs-Delivery", "X-Forgejo-Delivery"} {
		if h.Get(name) != "" {
			h.Set(name, guid)
		}
	}
}
