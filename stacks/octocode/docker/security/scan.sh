#!/bin/sh
# scan.sh all|dockerfile|secrets|image: Trivy in its container; exit 1 on HIGH and CRITICAL findings.
set -eu
cd "$(dirname "$0")/../.."
trivy() {
	${COMPOSE:-docker-compose} -f docker/security/docker-compose.security.yml run --rm -T trivy-scanner "$@" \
		--severity HIGH,CRITICAL --exit-code 1 --ignorefile /src/docker/security/.trivyignore
}
case ${1:-all} in
dockerfile) trivy config /src ;;
secrets) trivy fs --scanners secret /src ;;
image) trivy image octocode/app:1.0.0 ;;
all) "$0" dockerfile && "$0" secrets && "$0" image ;;
*) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
