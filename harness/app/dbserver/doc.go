// Package dbserver knows the database servers that apps bring along: PostgreSQL, and
// MySQL or MariaDB. It tells from a service's image and settings that it is one, lists
// its databases and runs SQL in them, with the client program that lies beside the
// server. How a command gets into the service's container is the caller's business.
//
// Everything is asked for at the server's own socket, as the account that the service's
// settings name. Passwords travel in the environment, never in arguments, which every
// process of the machine may read. A server that is still starting is waited for. The
// package makes nothing, keeps nothing, and judges nothing.
package dbserver
