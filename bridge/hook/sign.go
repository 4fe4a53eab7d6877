package hook

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"

	"seatrial/secrets"
)

// The headers that carry a signature.
const (
	hubSHA256  = "X-Hub-Signature-256"
	hubSHA1    = "X-Hub-Signature"
	giteaSig   = "X-Gitea-Signature"
	forgejoSig = "X-Forgejo-Signature"
)

// signature is a digest of the raw body, and how it was made.
type signature struct {
	digest []byte
	hash   func() hash.Hash
}

// unsignedError and signatureError are reasons to turn a hook away, in words for its sender.
type (
	unsignedError  string
	signatureError string
)

func (u unsignedError) Error() string  { return string(u) }
func (b signatureError) Error() string { return string(b) }

// signatureOf reads the one header that counts for the forge. If there are several, one
// that does not is never a way out: where the first of the list is there, it decides.
func signatureOf(f Forge, h http.Header) (signature, error) {
	names := map[string][]string{GitHub: {hubSHA256}, Gitea: {giteaSig, hubSHA256}, Forgejo: {forgejoSig, giteaSig}}[f.Kind]
	for _, name := range names {
		if values := h.Values(name); len(values) > 0 {
			return parseSignature(name, values, sha256.New)
		}
	}
	old := h.Values(hubSHA1)
	switch {
	case len(old) == 0:
		return signature{}, unsignedError("it is not signed: give the hook the secret that seatrial webhook secret prints")
	case !f.AllowSHA1:
		return signature{}, unsignedError("it is signed with SHA-1 only, which does not count: the forge must sign with SHA-256")
	case len(h.Values(hubSHA256)) > 0: // a stronger one is there, of another forge's
		return signature{}, unsignedError("its SHA-256 signature is not in the header of this kind of forge: post hooks to the address of their own forge")
	}
	return parseSignature(hubSHA1, old, sha1.New)
}

// parseSignature reads the digest of a header. Gitea's and Forgejo's own are bare, the
// others say first how they were made.
func parseSignature(name string, values []string, make func() hash.Hash) (signature, error) {
	if len(values) > 1 {
		return signature{}, signatureError("it has several " + name + " headers")
	}
	text := values[0]
	prefix := map[string]string{hubSHA256: "sha256=", hubSHA1: "sha1="}[name]
	text, ok := strings.CutPrefix(text, prefix)
	switch {
	case !ok && values[0] != "":
		return signature{}, signatureError("its " + name + " does not begin with " + prefix)
	case text == "":
		return signature{}, unsignedError("its signature is empty, so the hook has no secret: give it the one that seatrial webhook secret prints")
	case len(text) != 2*make().Size():
		return signature{}, signatureError("its " + name + " has the wrong length")
	}
	digest, err := hex.DecodeString(text)
	if err != nil {
		return signature{}, signatureError("its " + name + " is not hexadecimal")
	}
	return signature{digest, make}, nil
}

// verify says whether the body was signed with one of the secrets. All are tried, so
// that the time does not tell which one it was.
func (s signature) verify(body []byte, all []secrets.Value) bool {
	ok := false
	for _, secret := range usable(all) {
		mac := hmac.New(s.hash, []byte(secret.Reveal()))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), s.digest) {
			ok = true
		}
	}
	return ok
}

// CheckSignature says whether a body is signed with one of the forge's secrets. The error
// is a sentence about a signature that is there and wrong. Without secrets nothing can be
// checked, and nothing counts as signed.
func (f Forge) CheckSignature(h http.Header, body []byte) (signed bool, err error) {
	if f.Secrets == nil || len(usable(f.Secrets())) == 0 {
		return false, nil
	}
	sig, err := signatureOf(f, h)
	if _, none := errors.AsType[unsignedError](err); none {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !sig.verify(body, f.Secrets()) {
		return false, signatureError("its signature does not match: the hook's secret must be the one that seatrial webhook secret prints, or it must have none")
	}
	return true, nil
}
