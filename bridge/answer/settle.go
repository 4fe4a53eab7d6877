package answer

import (
	"context"
	"fmt"

	"seatrial/bridge/admission"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

// answer takes one request the whole way.
func (a *Answerer) answer(ctx context.Context, q question) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	f, err := a.read(ctx, q)
	if err != nil {
		return err
	}
	decision, err := f.decide(ctx, q)
	if err != nil {
		return err
	}
	return a.settle(ctx, q, decision)
}

// settle records the decision with the run that it starts or joins, and has it said.
func (a *Answerer) settle(ctx context.Context, q question, d admission.Decision) error {
	switch {
	case d.Request != nil:
		request := *d.Request
		request.Via, request.Flavor, request.Secrets = q.Via, q.Flavor, q.Secrets || request.Secrets
		return a.startOrJoin(ctx, q, request)
	case d.Refusal != nil:
		return a.refuse(ctx, q, *d.Refusal)
	}
	return a.ignore(ctx, q, admission.Own)
}

// startOrJoin turns an accepted request into a run, or joins the one that is there.
func (a *Answerer) startOrJoin(ctx context.Context, q question, request run.Request) error {
	for {
		same, err := a.sameHead(ctx, request)
		if err != nil {
			return err
		}
		settle := func() (bool, error) { return a.start(ctx, q, request) }
		if same != nil {
			settle = func() (bool, error) { return a.join(ctx, q, *same) }
		}
		// If it is not done, another run appeared, or the one to join ended, meanwhile.
		if done, err := settle(); done || err != nil {
			return err
		}
	}
}

// refuse records the refusal and has it said, unless it was decided before.
func (a *Answerer) refuse(ctx context.Context, q question, refusal admission.Refusal) error {
	done, err := a.record(ctx, q, ledger.Decision{Refusal: refusal.String()}, false)
	if err != nil || !done {
		return err
	}
	a.audit(ctx, q, "refuse", "", refusal.String())
	a.sayRefused(ctx, q)
	return nil
}

// ignore closes a comment without an answer. A program still gets the reason.
func (a *Answerer) ignore(ctx context.Context, q question, why admission.Reason) error {
	if q.comment != nil {
		if err := a.Announcer.Silence(ctx, q.comment.Comment); err != nil {
			return err
		}
	}
	_, err := a.record(ctx, q, ledger.Decision{Refusal: string(why)}, false)
	return err
}

// record records the decision together with the events. done is false if it was decided
// before.
func (a *Answerer) record(ctx context.Context, q question, d ledger.Decision, joined bool, events ...run.Event) (done bool, err error) {
	if q.comment != nil {
		return a.Ledger.Decide(ctx, q.Repo.Forge, q.comment.ID, d, events...)
	}
	return a.Ledger.DecideAsk(ctx, ledger.Ask{Key: q.Key, What: q.what(), At: a.Now(), Who: q.By.Login, Decision: d, Joined: joined}, events...)
}

// audit records who decided what and why.
func (a *Answerer) audit(ctx context.Context, q question, what string, id run.ID, why string) {
	subject := fmt.Sprintf("%s asked through %s", q.what(), q.Via)
	if c := q.comment; c != nil {
		subject = fmt.Sprintf("%s %s#%d comment %d", c.Repo.Forge, c.Repo, c.Pull, c.ID)
	}
	if id != "" {
		subject += " run " + string(id)
	}
	a.Audit(ctx, ledger.AuditEntry{Who: q.By.Login, What: what, Subject: subject, Why: why})
}
