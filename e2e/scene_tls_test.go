package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"time"

	"crypto/x509"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/harness/gateway"
	"seatrial/harness/gateway/gatewaytest"
)

// tlsCommands are for scripts about certificates.
func tlsCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		// certificate DIR NAME...: a fresh one, in cert.pem, and its key in key.pem
		"certificate": func(ts *testscript.TestScript, _ bool, args []string) {
			dir := ts.MkAbs(args[0])
			ts.Check(os.MkdirAll(dir, 0o755))
			ts.Check(gatewaytest.Write(dir, time.Hour, args[1:]...))
		},
		// secured FILE CERT REGEXP: the first https address in the file answers so, with that certificate
		"secured": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(secured(ts.ReadFile(args[0]), ts.ReadFile(args[1]), args[2]))
		},
	}
}

var secureAddress = regexp.MustCompile(`https://([a-z0-9.-]+)(:[0-9]+)`)

// trusting reaches a host name at an address, and trusts that certificate alone.
func trusting(cert []byte, addr, host string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return gateway.SecureClient(addr, host, func() *x509.CertPool { return roots })
}

func secured(text, cert, wanted string) error {
	found := secureAddress.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("there is no https address in %q", text)
	}
	answer, err := trusting([]byte(cert), "127.0.0.1"+found[2], found[1]).Get(found[0] + "/")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && !regexp.MustCompile(wanted).Match(body) {
		err = fmt.Errorf("%s shows %q, not %q", found[0], body, wanted)
	}
	return err
}
