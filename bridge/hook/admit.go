package hook

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"seatrial/bridge/callers"
)

// result is what became of a hook; a label of seatrial_hooks_total.
type result string

const (
	resultAccepted       result = "accepted"
	resultIgnored        result = "ignored"
	resultReplayed       result = "replayed"
	resultNotEnrolled    result = "not-enrolled"
	resultWrongMethod    result = "wrong-method"
	resultLimited        result = "limited"
	resultWrongType      result = "wrong-type"
	resultTooBig         result = "too-big"
	resultCutShort       result = "cut-short"
	resultNotSigned      result = "unsigned"
	resultWrongSignature result = "wrong-signature"
	resultBadPayload     result = "bad-payload"
	resultBusy           result = "busy"
)

var results = []result{resultAccepted, resultIgnored, resultReplayed, resultNotEnrolled, resultWrongMethod, resultLimited, resultWrongType, resultTooBig, resultCutShort, resultNotSigned, resultWrongSignature, resultBadPayload, resultBusy}

// charged says whether the sender's address has to answer for it. Only what anybody can
// send counts: a forge sends all its hooks from one address, and repeats none that is
// turned away.
func (r result) charged() bool {
	switch r {
	case resultWrongMethod, resultWrongType, resultTooBig, resultCutShort, resultNotSigned, resultWrongSignature:
		return true
	}
	return false
}

// admit goes through what must hold, the cheapest first. Nothing is parsed before the
// signature was found right.
func (rc *Receiver) admit(w http.ResponseWriter, r *http.Request, f Forge, caller callers.Caller, now time.Time) outcome {
	if wait, said := caller.Spent(now); wait > 0 {
		return outcome{status: http.StatusTooManyRequests, result: resultLimited, retry: wait, quiet: said,
			text: "Too many hooks from this address were turned away: the next ones are not read for a while."}
	}
	if r.Method != http.MethodPost {
		return outcome{status: http.StatusMethodNotAllowed, result: resultWrongMethod, text: "This address receives webhooks: POST them."}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return outcome{status: http.StatusUnsupportedMediaType, result: resultWrongType,
			text: "Only JSON is read: choose application/json as the content type in the hook's settings."}
	}
	sig, err := signatureOf(f, r.Header)
	if err != nil {
		return turnAway(err)
	}
	body, err := rc.read(w, r)
	if err != nil {
		return rc.unreadable(err)
	}
	if !sig.verify(body, f.Secrets()) {
		return turnAway(signatureError("its signature does not match: the hook's secret must be the one that seatrial webhook secret prints"))
	}
	e, err := Parse(f, r.Header, body)
	if err != nil {
		return outcome{status: http.StatusBadRequest, result: resultBadPayload, text: fmt.Sprintf("The hook cannot be read: %v.", err),
			event: Event{Kind: Ignored, Delivery: deliveryOf(f, r.Header)}}
	}
	key := delivery{e.Forge, e.Delivery, sha256.Sum256(body)}
	if at, ok := rc.known.Get(key); ok && e.Delivery != "" && now.Sub(at) < knownFor {
		return outcome{status: http.StatusAccepted, result: resultReplayed, event: e, text: "This delivery came a moment ago."}
	}
	a := rc.take(r.Context(), e, now)
	if a.result != resultBusy {
		rc.known.Add(key, now)
	}
	return a
}

func turnAway(err error) outcome {
	a := outcome{status: http.StatusUnauthorized, result: resultWrongSignature, text: fmt.Sprintf("The hook is not accepted: %v.", err)}
	if _, ok := errors.AsType[unsignedError](err); ok {
		a.result = resultNotSigned
	}
	return a
}

const (
	// smallBody is read without asking: nearly all hooks are smaller.
	smallBody = 64 << 10
	// largeBodies bounds the memory that all larger ones may take together.
	largeBodies = 32 << 20
)

var errBusy = errors.New("too many large bodies at once")

// read reads the raw body.
func (rc *Receiver) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit)) // a recorder has none
	limited := http.MaxBytesReader(w, r.Body, rc.config.MaxBody)
	if r.ContentLength > rc.config.MaxBody {
		return nil, &http.MaxBytesError{Limit: rc.config.MaxBody}
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, limited, smallBody); err == io.EOF {
		return body.Bytes(), nil
	} else if err != nil {
		return nil, err
	}
	if !rc.large.TryAcquire(rc.config.MaxBody) {
		return nil, errBusy
	}
	defer rc.large.Release(rc.config.MaxBody)
	_, err := io.Copy(&body, limited)
	return body.Bytes(), err
}

func (rc *Receiver) unreadable(err error) outcome {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return outcome{status: http.StatusRequestEntityTooLarge, result: resultTooBig, text: fmt.Sprintf("The hook is larger than %d KiB.", rc.config.MaxBody>>10)}
	}
	if errors.Is(err, errBusy) {
		return outcome{status: http.StatusServiceUnavailable, result: resultBusy, retry: time.Second, text: "Too many large hooks come at once: deliver it again in a moment."}
	}
	return outcome{status: http.StatusBadRequest, result: resultCutShort, text: "The hook's body did not arrive whole."}
}
