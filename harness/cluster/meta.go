package cluster

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
)

// The meta keys of a dispatch. The first four are what every builder must require;
// the others are sent to builders that declare them.
const (
	MetaRepoURL = "REPO_URL" // what git fetches
	MetaCommit  = "COMMIT"   // the full hash
	MetaBranch  = "BRANCH"   // the ref that leads to the commit, such as refs/pull/7/head
	MetaFlavor  = "FLAVOR"   // a free label, the asker's or else the enrolment's; may be empty

	MetaRunID     = "RUN_ID"
	MetaAttempt   = "ATTEMPT"
	MetaRecipe    = "RECIPE"     // the enrolment's name
	MetaRef       = "REF"        // the same as BRANCH
	MetaPull      = "PR"         // the pull request's number
	MetaSource    = "SRC"        // owner/name of the repository
	MetaDomain    = "DOMAIN"     // of the apps
	MetaPublicURL = "PUBLIC_URL" // the dashboard's
	MetaInstance  = "INSTANCE"   // the installation that asks
	MetaExpires   = "EXPIRES"    // RFC 3339: when everything of the attempt may be destroyed
	MetaTrusted   = "TRUSTED"    // 1: who asked may let the code use secrets; else 0
	MetaJob       = "JOB"        // the whole job, packed: see Pack
)

// RequiredMeta is what a builder must require, and OptionalMeta what it may declare
// besides.
var (
	RequiredMeta = []string{MetaRepoURL, MetaCommit, MetaBranch, MetaFlavor}
	OptionalMeta = []string{
		MetaRunID, MetaAttempt, MetaRecipe, MetaRef, MetaPull, MetaSource, MetaDomain, MetaPublicURL, MetaInstance, MetaExpires, MetaTrusted, MetaJob,
	}
)

// MaxMeta bounds the meta of one dispatch, keys and values together, in bytes. Nomad
// names no limit, but each value becomes one string of a process's environment, and
// Linux takes at most 128 KiB for one (MAX_ARG_STRLEN, execve(2)).
const MaxMeta = 96 << 10

// maxUnpacked bounds what Unpack makes of a meta value.
const maxUnpacked = 8 << 20

// Pack makes a meta value of something that JSON can hold. Base64 keeps whatever text
// is in it from being interpolated by Nomad.
func Pack(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("cannot pack a job: %w", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("cannot pack a job: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(packed.Bytes()), nil
}

// Unpack reads what Pack made.
func Unpack(text string, v any) error {
	packed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("cannot unpack the job: %w", err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("cannot unpack the job: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(plain) > maxUnpacked {
		err = fmt.Errorf("it is larger than %d MiB", maxUnpacked>>20)
	}
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return fmt.Errorf("cannot unpack the job: %w", err)
	}
	return nil
}
