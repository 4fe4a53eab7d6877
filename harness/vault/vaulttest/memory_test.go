package vaulttest_test

import (
	"testing"

	"seatrial/harness/vault/vaulttest"
)

func TestMemory(t *testing.T) {
	vaulttest.Contract(t, func(*testing.T) vaulttest.Fixture {
		m := &vaulttest.Memory{}
		return vaulttest.Fixture{Vault: m, Damage: m.Damage}
	})
}
