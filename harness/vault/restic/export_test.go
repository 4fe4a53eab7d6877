package restic

// Root is where a vault keeps everything.
func Root(v *Vault) string { return v.root }
