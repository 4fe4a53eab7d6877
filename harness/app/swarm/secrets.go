package swarm

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

// usualLength is how long a generated secret is where nobody asks for a length.
const usualLength = 32

// secretLetters are what generated secrets consist of: what fits into an address or a file of
// any syntax.
const secretLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// makeSecrets makes the stack's external secrets that are not there yet. A secret keeps
// its value for the whole run, so that a restored database meets the same password.
func (a *App) makeSecrets(ctx context.Context, r *compose.Recipe) error {
	there, err := a.cfg.Engine.SecretList(ctx, client.SecretListOptions{})
	if err != nil {
		return fmt.Errorf("cannot list the secrets: %w", err)
	}
	names := map[string]map[string]string{}
	for _, s := range there.Items {
		names[s.Spec.Name] = s.Spec.Labels
	}
	for _, s := range r.Secrets {
		if !s.External {
			continue
		}
		if labels, ok := names[s.Full]; ok {
			if labels[labelApp] == a.cfg.Label && labels[labelRun] == string(a.cfg.Labels.Run) {
				continue
			}
			return &app.Fault{
				Summary: fmt.Sprintf("the secret %s is another's: its name does not depend on the stack", s.Full),
				Hint:    "name it ${STACK_NAME}_" + s.Name + "_${SECRET_" + strings.ToUpper(s.Name) + "_VERSION}",
			}
		}
		value, err := a.secretValue(s)
		if err != nil {
			return fmt.Errorf("cannot make up the secret %s: %w", s.Name, err)
		}
		if _, err := a.cfg.Engine.SecretCreate(ctx, client.SecretCreateOptions{Spec: swarm.SecretSpec{
			Annotations: swarm.Annotations{Name: s.Full, Labels: a.labels()}, Data: []byte(value),
		}}); err != nil {
			return fmt.Errorf("cannot make the secret %s: %w", s.Full, err)
		}
	}
	return nil
}

func (a *App) secretValue(s compose.Secret) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if value, ok := a.values[s.Full]; ok {
		return value, nil
	}
	asked := a.cfg.Enrolment.Secrets[s.Name]
	value, length := asked.Value, usualLength
	if s.Length > 0 {
		length = s.Length
	}
	if asked.Length > 0 {
		length = asked.Length
	}
	if value == "" && s.Manual {
		return "", fmt.Errorf(".env.sample says that nobody can generate it (generate=false): set secrets.%s.value in the enrolment", s.Name)
	}
	if value == "" {
		var err error
		if value, err = generate(length, charset(s.Charset)); err != nil {
			return "", err
		}
	}
	a.values[s.Full] = value
	return value, nil
}

// charsets are what abra's charset= names, to be joined by commas.
// https://docs.coopcloud.tech/maintainers/handbook/
var charsets = map[string]string{
	"default": secretLetters, "special": "!@#$%^&*_-+=", "safespecial": "!@#%^&*_-+=", "hex": "0123456789abcdef",
}

// charset is what a secret consists of. A name that nobody knows stands for letters.
func charset(named string) string {
	var all strings.Builder
	for name := range strings.SplitSeq(named, ",") {
		all.WriteString(charsets[strings.TrimSpace(name)])
	}
	if all.Len() == 0 {
		return secretLetters
	}
	return all.String()
}

func generate(length int, of string) (string, error) {
	var b strings.Builder
	for range length {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(of))))
		if err != nil {
			return "", err
		}
		b.WriteByte(of[i.Int64()])
	}
	return b.String(), nil
}
