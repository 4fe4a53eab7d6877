// Package tree walks and removes folders that somebody else filled.
//
// Each step goes from an open folder to a name in it, so that no link is followed,
// whoever changes the tree meanwhile, and names need neither be UTF-8 nor fit
// into one path of the kernel's. It copies nothing and knows no app.
package tree
