package ledgertest_test

import (
	"testing"

	"go.uber.org/goleak"

	"seatrial/bridge/ledger/ledgertest"
	"seatrial/harness/journal"
	"seatrial/harness/journal/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	ledgertest.Contract(t, func(*testing.T) ledgertest.Subject { return ledgertest.New() })
}

func TestMemoryIsItsJournal(t *testing.T) {
	journaltest.Contract(t, func(*testing.T) journal.Journal { return ledgertest.New() })
}
