package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seatrial/secrets"
)

// certificateLook is how often at most the files are looked at.
const certificateLook = time.Second

// Certificate is a certificate with its key, in two files, read again when either
// changes: connections that are open stay as they are, the next one gets the new
// certificate. What cannot be used changes nothing and is logged once; the old
// certificate stays in force. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	host              string
	log               *slog.Logger
	now               func() time.Time
	files             *secrets.Files

	mu     sync.Mutex
	pair   *tls.Certificate
	roots  *x509.CertPool
	looked time.Time
}

// LoadCertificate reads the files for the first time. The certificate must be good for
// the labels below the domain, and for now.
func LoadCertificate(certFile, keyFile, domain string, log *slog.Logger) (c *Certificate, err error) {
	c = &Certificate{certFile: certFile, keyFile: keyFile, host: "label." + domain, log: log, now: time.Now}
	c.looked = c.now()
	if c.files, err = secrets.Open("certificate", c.use, certFile, keyFile); err != nil {
		return nil, err
	}
	return c, nil
}

// TLS is what a server needs to speak with the certificate as it is at each
// connection. The certificate itself is trusted by Roots.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, _ := c.current()
		return pair, nil
	}}
}

// Roots are what the machine trusts and what is in the certificate's file. A nil
// Certificate has those of the machine.
func (c *Certificate) Roots() *x509.CertPool {
	if c == nil {
		return nil
	}
	_, roots := c.current()
	return roots
}

func (c *Certificate) current() (*tls.Certificate, *x509.CertPool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if c.files.Look(c.log) {
			c.log.Info("read the certificate again", "file", c.certFile, "until", c.pair.Leaf.NotAfter)
		}
	}
	return c.pair, c.roots
}

// use takes the text of certificate and key; mu is held once others know of c.
func (c *Certificate) use(texts [][]byte) error {
	text, key := texts[0], texts[1]
	pair, err := tls.X509KeyPair(text, key)
	if err != nil {
		return fmt.Errorf("cannot use the certificate %s with the key %s: %w", c.certFile, c.keyFile, err)
	}
	if err := pair.Leaf.VerifyHostname(c.host); err != nil {
		return fmt.Errorf("cannot use the certificate %s for apps: %w (it must be for *%s)", c.certFile, err, c.host[len("label"):])
	}
	switch now := c.now(); {
	case now.After(pair.Leaf.NotAfter):
		return fmt.Errorf("cannot use the certificate %s: it ended at %s", c.certFile, pair.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return fmt.Errorf("cannot use the certificate %s: it begins at %s", c.certFile, pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a machine without any
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if found, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots.AddCert(found)
		}
	}
	c.pair, c.roots = &pair, roots
	return nil
}
