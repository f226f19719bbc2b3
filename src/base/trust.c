#include "base/trust.h"
#include "base/paths.h"
#include <stddef.h>
#include <unistd.h>

/* OpenSSL, Go and Ruby; curl; Python's requests and pip; Node; git; cargo; AWS. */
const char *const trust_variables[] = {
	"SSL_CERT_FILE",     "CURL_CA_BUNDLE",      "REQUESTS_CA_BUNDLE",
	"PIP_CERT",          "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
	"CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE",       NULL,
};

const char *trust_bundle(struct arena *a)
{
	const char *own = arena_printf(a, "%s/ca.pem", paths_root());

	if (!access(own, R_OK))
		return own;
	return access("/etc/berth/ca.pem", R_OK) ? NULL : "/etc/berth/ca.pem";
}
