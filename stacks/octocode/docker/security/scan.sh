#!/bin/sh
# scan.sh all|dockerfile|secrets|image: Trivy in its container; exit 1 on HIGH and CRITICAL findings.
# The deployment's own secrets and keys are no leak: they are where they belong, and never committed.
set -eu
cd "$(dirname "$0")/../.."
compose=${COMPOSE:-docker-compose}
case $compose in
*berth) engine=$compose ;;
*) engine=docker ;;
esac
image=octocode/app:${OCTOCODE_VERSION:-1.0.0}

trivy() { # WHAT... WHERE
	$compose -f docker/security/docker-compose.security.yml run --rm -T ${saved:+-v "$saved:/image:ro"} \
		trivy-scanner "$@" </dev/null
}
findings="--severity HIGH,CRITICAL --exit-code 1 --ignorefile /src/docker/security/.trivyignore"
# shellcheck disable=SC2086
one() {
	case $1 in
	dockerfile) trivy config $findings /src ;;
	secrets) trivy fs --scanners secret --skip-dirs /src/secrets,/src/docker/prod/ssl,/src/node_modules $findings /src ;;
	image)
		saved=$(mktemp -d)
		trap 'rm -rf "$saved"' EXIT
		$engine save -o "$saved/app.tar" "$image"
		trivy image $findings --input /image/app.tar
		;;
	esac
}
case ${1:-all} in
dockerfile | secrets | image) one "$1" ;;
all)
	why=0
	for what in dockerfile secrets image; do
		"$0" $what || why=$?
	done
	exit $why
	;;
*) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
