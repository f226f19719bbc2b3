"""Dockerfiles as people write them for Node, Python, Go, Java, PHP, Rust, Ruby and static sites.

Their base images are one busybox under many names with tools that only pretend: what npm, pip or go
leave behind is not the point, but how the instructions around them are written. See context_of_projects().
"""
import os

# What the base is made of: FAKE is each of the tools, by the name that it is called by.
FAKE = r'''#!/bin/sh
set -e
me=${0##*/}
sum() { cat "$@" 2>/dev/null | sha256sum | cut -c1-12; }
note() { mkdir -p "$(dirname "$1")"; echo "$2" >"$1"; }
case $me in
npm|yarn|pnpm|bun|npx)
	case "$*" in
	*build*|*compile*|*generate*) mkdir -p dist/assets && for f in src/*.ts; do [ -f "$f" ] && cp "$f" "dist/$(basename "$f" .ts).js"; done
		echo "$NODE_ENV ${VITE_API_URL:-none}" >dist/assets/env ;;
	*ci*|*install*|*fetch*|*add*) note node_modules/.lock "$(sum package*.json *lock* 2>/dev/null) $*"; mkdir -p node_modules/.bin
		ln -sf ../x/cli.js node_modules/.bin/x; note "${npm_config_cache:-$HOME/.npm}/_cacache/x" "$*" ;;
	*prune*) rm -rf node_modules/.bin ;;
	esac ;;
pip|pip3|uv|poetry|python|python3)
	case "$*" in
	*venv*) for w; do :; done; mkdir -p "$w/bin" "$w/lib"; ln -sf /usr/local/bin/python3 "$w/bin/python"; note "$w/pyvenv.cfg" home ;;
	*install*|*sync*) d=${VIRTUAL_ENV:-/usr/local}/lib/site-packages; note "$d/all/METADATA" "$(sum requirements*.txt *.lock) $*"
		note "${PIP_CACHE_DIR:-$HOME/.cache/pip}/x" 1 ;;
	*collectstatic*) note staticfiles/admin/css/base.css "body {}" ;;
	esac ;;
go)
	case "$*" in
	*download*) note "${GOMODCACHE:-/go/pkg/mod}/cache/x" "$(sum go.mod go.sum)" ;;
	*build*) out=app; while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
		mkdir -p "$(dirname "$out")"; echo "elf $CGO_ENABLED $GOOS $GOARCH" >"$out"; chmod 755 "$out" ;;
	esac ;;
mvn|mvnw|gradle|java)
	case "$*" in
	*go-offline*|*dependencies*) note "$HOME/.m2/repository/x" 1 ;;
	*package*|*bootJar*|*build*) note target/app-0.0.1.jar "jar $(sum pom.xml)" ;;
	*extract*) mkdir -p dependencies spring-boot-loader snapshot-dependencies application; echo c >application/App.class; echo d >dependencies/d.jar ;;
	esac ;;
composer) note vendor/autoload.php "<?php $*"; note "$COMPOSER_HOME/cache/x" 1 ;;
cargo)
	case "$*" in
	*chef*prepare*) note recipe.json "{}" ;;
	*build*) note target/release/app "bin $*"; chmod 755 target/release/app ;;
	*install*) note "$HOME/.cargo/bin/tool" x ;;
	esac ;;
bundle|gem) note /usr/local/bundle/config "BUNDLE_PATH $*" ;;
apt-get|apk|dnf)
	case "$*" in
	*update*) note /var/lib/apt/lists/x 1; note /var/cache/apt/pkgcache.bin 1 ;;
	*install*|*add*) for w; do case $w in -*|install|add) ;; *) note "/usr/share/doc/$w/copyright" "$w" ;; esac; done ;;
	*clean*) rm -f /var/cache/apt/pkgcache.bin ;;
	esac ;;
addgroup|adduser|useradd|groupadd)
	for w; do :; done; id=999
	while [ $# -gt 0 ]; do case $1 in -u|-g|--uid|--gid) case $2 in [0-9]*) id=$2 ;; esac ;; esac; shift; done
	if [ "${me#*group}" != "$me" ]; then echo "$w:x:$id:" >>/etc/group; else echo "$w:x:$id:$id::/home/$w:/bin/sh" >>/etc/passwd; mkdir -p "/home/$w" && chown "$id:$id" "/home/$w"; fi ;;
curl) out=; while [ $# -gt 0 ]; do case $1 in -o) out=$2 ;; esac; shift; done; [ -z "$out" ] || echo got >"$out" ;;
*) echo "$me $*" ;;
esac
'''
TOOLS = ("npm yarn pnpm bun npx pip pip3 uv poetry python3 go mvn gradle java composer cargo bundle gem apt-get apk "
         "addgroup adduser dnf useradd groupadd curl nginx node php-fpm docker-php-ext-install a2enmod").split()
NAMES = ("node:22-alpine node:22-slim oven/bun:1 python:3.13-slim python:3.12-alpine golang:1.24 golang:1.24-alpine "
         "maven:3-eclipse-temurin-21 eclipse-temurin:21-jre gradle:8-jdk21 php:8.4-fpm-alpine php:8.4-apache composer:2 "
         "nginx:1.29-alpine rust:1-slim debian:bookworm-slim ruby:3.4-slim alpine:3.22 gcr.io/distroless/static:nonroot "
         "lukemathwalker/cargo-chef:latest caddy:2 ubuntu:24.04 ghcr.io/astral-sh/uv:latest").split()
BASE = ("FROM busybox\nCOPY --chmod=755 fake /usr/local/bin/fake\nRUN for t in " + " ".join(TOOLS) +
        "; do ln -s fake /usr/local/bin/$t; done\n"
        "RUN for u in node:1000 nginx:101 www-data:82 nonroot:65532; do n=${u%:*} i=${u#*:}; "
        "echo $n:x:$i:$i::/home/$n:/bin/sh >>/etc/passwd; echo $n:x:$i: >>/etc/group; mkdir -p /home/$n && chown $i:$i /home/$n; done; "
        "ln -s ../usr/local/bin/fake /bin/uv; mkdir -p /usr/share/nginx/html /etc/nginx/conf.d /var/www/html /go\n"
        "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8\n")
ONBUILD = ("FROM node:22-alpine\nWORKDIR /srv\nONBUILD ARG NODE_ENV\nONBUILD ENV NODE_ENV=$NODE_ENV\n"
           "ONBUILD COPY package*.json ./\nONBUILD RUN npm install && npm cache clean --force\nONBUILD COPY . /srv\n"
           'CMD ["npm", "start"]\n')

FILES = {
    "package.json": '{"name": "x"}', "package-lock.json": "{}", "pnpm-lock.yaml": "a: 1", "tsconfig.json": "{}",
    "src/index.ts": "export {}", "src/util.ts": "//", "src/main.rs": "fn main() {}", "src/main/java/App.java": "class App {}",
    "public/index.html": "<html>", "public/assets/logo.svg": "<svg/>", ".env": "SECRET=1", ".env.example": "SECRET=",
    ".git/HEAD": "ref: x", ".git/objects/aa/bb": "o", "node_modules/junk/index.js": "1", "requirements.txt": "flask==3",
    "requirements/base.txt": "a", "requirements/prod.txt": "b", "pyproject.toml": "[project]", "uv.lock": "v", "app/__init__.py": "",
    "app/main.py": "print()", "app/__pycache__/main.pyc": "x", "app/static/x.css": "c", "manage.py!": "#!", "go.mod": "module x",
    "go.sum": "s", "cmd/server/main.go": "package main", "internal/db/db.go": "package db", "migrations/1.sql": "select 1;",
    "pom.xml": "<project/>", "mvnw!": "#!/bin/sh\nexec mvn \"$@\"\n", ".mvn/wrapper/maven-wrapper.properties": "u=1",
    "build.gradle": "x", "settings.gradle": "y", "composer.json": "{}", "composer.lock": "{}", "artisan!": "#!", "routes/web.php": "<?php",
    "storage/logs/.gitignore": "*", "storage/logs/laravel.log": "l", "bootstrap/cache/.gitignore": "*", "Cargo.toml": "[package]",
    "Cargo.lock": "l", "nginx.conf": "server {}", "docker/entrypoint.sh!": "#!/bin/sh\nexec \"$@\"\n",
    "docker/default.conf.template": "listen ${PORT};", "Gemfile": "g", "Gemfile.lock": "l", "config/app.yaml": "a: b", "docs/guide.md": "d",
    "README.md": "r", "docker-compose.yml": "services: {}", "tests/test_a.py": "t", "coverage/x.html": "c", "Makefile": "all:",
    "packages/a/package.json": "{}", "packages/a/src/a.ts": "a", "packages/b/package.json": "{}", "apps/web/package.json": "{}",
    "apps/web/src/x.ts": "x", "turbo.json": "{}", "prisma/schema.prisma": "p", "Caddyfile": ":80", "scripts/run.sh!": "#!/bin/sh\n",
    "scripts/old.sh~": "x", "dist/stale.js": "s", ".github/workflows/ci.yml": "on: push", "name with space.txt": "s",
}


def context_of_projects(where):
    for name, text in FILES.items():
        path = f"{where}/{name.rstrip('!')}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755 if name.endswith("!") else 0o644)
    with open(f"{where}/fake", "w") as f:
        f.write(FAKE)
    os.symlink("docs/guide.md", f"{where}/GUIDE.md")
    for top, dirs, files in os.walk(where, topdown=False):
        for name in files + dirs:
            os.utime(f"{top}/{name}", (1500000000, 1500000000), follow_symlinks=False)


# Of each: name, Dockerfile, options, and what .dockerignore says.
REAL = [
    ("real-node-three-stages", '''ARG NODE_VERSION=22
FROM node:${NODE_VERSION}-alpine AS base
WORKDIR /app
ENV PNPM_HOME="/pnpm" \\
    PATH="/pnpm:$PATH"

FROM base AS deps
RUN apk add --no-cache libc6-compat
COPY --link package.json pnpm-lock.yaml* package-lock.json* yarn.lock* ./
RUN --mount=type=cache,id=pnpm,target=/pnpm/store \\
    if [ -f pnpm-lock.yaml ]; then pnpm fetch --frozen-lockfile; \\
    elif [ -f package-lock.json ]; then npm ci; \\
    else echo "Lockfile not found." && exit 1; fi

FROM base AS build
COPY --from=deps --link /app/node_modules ./node_modules
COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
RUN npm run build && npm prune --omit=dev

FROM base AS runner
ENV NODE_ENV=production
RUN addgroup --system --gid 1001 nodejs && adduser --system --uid 1001 -D -H -G nodejs nextjs
COPY --from=build --chown=nextjs:nodejs /app/dist ./dist
COPY --from=build --chown=nextjs:nodejs /app/publi[c] ./public
USER nextjs
EXPOSE 3000/tcp
ENV PORT=3000 HOSTNAME="0.0.0.0"
CMD ["node", "dist/index.js"]
''', [], "**/node_modules\n.git\n*.md\n!README.md\n.env*\n!.env.example\ndist\n"),
    ("real-node-monorepo", '''FROM node:22-slim AS pruner
WORKDIR /repo
COPY package.json turbo.json ./
COPY packages/a/package.json packages/a/
COPY apps/web/package.json ./apps/web/package.json
FROM node:22-slim AS installer
WORKDIR /repo
COPY --from=pruner /repo .
RUN --mount=type=cache,target=/root/.npm,sharing=locked npm install --workspaces
COPY --exclude=**/*.md --exclude=apps/*/src/*.test.ts packages ./packages
COPY apps/ apps
ARG SCOPE=web
RUN cd apps/$SCOPE && npm run build
FROM gcr.io/distroless/static:nonroot
COPY --from=installer --chown=65532:65532 /repo/apps /srv/apps
WORKDIR /srv/apps/web
USER 65532
ENTRYPOINT [ "node" ]
CMD [ "dist/index.js" ]
''', ["--build-arg", "SCOPE=web"], "node_modules/\n"),
    ("real-node-onbuild", "FROM onbuild-node\nEXPOSE 8080\nLABEL maintainer=\"A B <a@b.c>\" \\\n      org.opencontainers.image.title='x y'\n",
     ["--build-arg", "NODE_ENV=production"], ".git\nnode_modules\n*.log\n**/*~\n"),
    ("real-bun", '''FROM oven/bun:1 AS base
WORKDIR /usr/src/app
FROM base AS install
RUN mkdir -p /temp/dev /temp/prod
COPY package.json bun.lock* /temp/dev/
RUN cd /temp/dev && bun install --frozen-lockfile
COPY package.json /temp/prod/
RUN cd /temp/prod && bun install --production
FROM base AS prerelease
COPY --from=install /temp/dev/node_modules node_modules
COPY . .
ENV NODE_ENV=production
RUN bun run build
FROM base AS release
COPY --from=install /temp/prod/node_modules node_modules
COPY --from=prerelease /usr/src/app/src/index.ts /usr/src/app/package.json .
USER node
EXPOSE 3000/tcp
ENTRYPOINT [ "bun", "run", "index.ts" ]
''', []),
    ("real-vite-nginx", '''FROM node:22-alpine AS build-stage
WORKDIR /app
ARG VITE_API_URL
ENV VITE_API_URL=${VITE_API_URL:-https://api.example.org/v1}
COPY package*.json ./
RUN npm ci --no-audit --no-fund
COPY ./ ./
RUN npm run build -- --mode production
FROM nginx:1.29-alpine AS production-stage
RUN rm -rf /usr/share/nginx/html/*
COPY --from=build-stage /app/dist /usr/share/nginx/html
COPY <<'EOF' /etc/nginx/conf.d/default.conf
server {
    listen 80;
    location / { try_files $uri $uri/ /index.html; }
}
EOF
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \\
  CMD wget -qO- http://localhost/ || exit 1
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
''', ["--build-arg", "VITE_API_URL=http://x"], "*\n!package*.json\n!src\n!public/\n!vite.config.*\n"),
    ("real-python-pip", '''FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE 1
ENV PYTHONUNBUFFERED 1
WORKDIR /code
RUN apt-get update \\
    # the compiler goes again below
    && apt-get install -y --no-install-recommends gcc libpq-dev \\

    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /code/
RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
COPY . /code/
RUN python3 manage.py collectstatic --noinput
RUN groupadd -g 10001 app && useradd -u 10001 -g app app \\
    && chown -R app:app /code/staticfiles
USER app:app
VOLUME ["/code/media", "/code/staticfiles"]
CMD gunicorn config.wsgi:application --bind 0.0.0.0:${PORT:-8000}
''', [], "__pycache__\n**/__pycache__/**\n*.pyc\n.venv\n.git*\ntests/\n"),
    ("real-python-uv", '''FROM ghcr.io/astral-sh/uv:latest AS uv
FROM python:3.12-alpine AS builder
COPY --from=uv /bin/uv /usr/local/sbin/
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=/app/.venv
WORKDIR /app
RUN --mount=type=cache,target=/root/.cache/uv \\
    --mount=type=bind,source=uv.lock,target=uv.lock \\
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\
    python3 -m venv $VIRTUAL_ENV && uv sync --locked --no-install-project
ADD app /app/app
FROM python:3.12-alpine
COPY --from=builder --chown=node:node /app /app
ENV PATH="/app/.venv/bin:$PATH"
WORKDIR /app
ENTRYPOINT []
CMD ["fastapi", "run", "--host", "0.0.0.0", "/app/app/main.py"]
''', [], "**/*.pyc\n"),
    ("real-python-heredoc", '''FROM python:3.13-slim AS venv
SHELL ["/bin/sh", "-euxc"]
RUN <<EOT
apt-get update -qy
apt-get install -qyy build-essential
apt-get clean
rm -rf /var/lib/apt/lists/*
EOT
ENV VIRTUAL_ENV=/opt/venv
RUN python3 -m venv $VIRTUAL_ENV
COPY requirements/ /r/
RUN for f in /r/*.txt; do pip install -r "$f"; done
FROM python:3.13-slim
ARG APP_UID=1500 APP_GID=1500
RUN groupadd --gid $APP_GID svc && useradd --uid ${APP_UID} svc
COPY --from=venv --chown=$APP_UID:$APP_GID /opt/venv /opt/venv
COPY --chown=${APP_UID}:${APP_GID} --chmod=0550 app/ /srv/app/
COPY --chmod=+x <<-"EOT" /usr/local/bin/start
	#!/bin/sh
	exec python -m app "$@"
EOT
USER svc
WORKDIR /srv
ENTRYPOINT ["/usr/local/bin/start"]
STOPSIGNAL SIGINT
''', []),
    ("real-go-distroless", '''FROM --platform=$BUILDPLATFORM golang:1.24 AS build
ARG TARGETOS TARGETARCH
ARG VERSION=dev COMMIT
WORKDIR /src
RUN --mount=type=cache,target=/go/pkg/mod/ \\
    --mount=type=bind,source=go.sum,target=go.sum \\
    --mount=type=bind,source=go.mod,target=go.mod \\
    go mod download -x
RUN --mount=type=cache,target=/go/pkg/mod/ \\
    --mount=type=cache,target=/root/.cache/go-build \\
    --mount=type=bind,target=. \\
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \\
    go build -ldflags="-s -w -X main.version=${VERSION} -X main.commit=${COMMIT:-none}" -o /bin/server ./cmd/server
FROM gcr.io/distroless/static:nonroot AS final
LABEL org.opencontainers.image.source="https://github.com/x/y" org.opencontainers.image.version=$VERSION
COPY --from=build /bin/server /bin/
COPY --link migrations /migrations/
USER nonroot:nonroot
EXPOSE 8080 9090/tcp 53/udp
ENTRYPOINT [ "/bin/server" ]
''', ["--build-arg", "COMMIT=abc123"]),
    ("real-go-scratch", '''FROM golang:1.24-alpine AS builder
RUN apk add --no-cache git ca-certificates tzdata && adduser -D -g '' -u 10000 appuser
WORKDIR $GOPATH/src/mypackage/myapp/
COPY go.* ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -o /go/bin/hello ./cmd/server
FROM scratch
COPY --from=builder /etc/passwd /etc/passwd
COPY --from=builder /etc/group /etc/group
COPY --from=builder /go/bin/hello /go/bin/hello
USER appuser:appuser
ENTRYPOINT ["/go/bin/hello"]
''', [], "# comment\n\n*\n!go.mod\n!go.sum\n!cmd/**\n!internal\n**/*_test.go\n"),
    ("real-java-layers", '''FROM maven:3-eclipse-temurin-21 AS build
WORKDIR /workspace/app
COPY mvnw .
COPY .mvn .mvn
COPY pom.xml .
RUN --mount=type=cache,target=/root/.m2 ./mvnw dependency:go-offline -B
COPY src src
RUN --mount=type=cache,target=/root/.m2 ./mvnw package -DskipTests
ARG JAR_FILE=target/*.jar
RUN cp ${JAR_FILE} application.jar && mkdir x && cd x && java -Djarmode=tools extract
FROM eclipse-temurin:21-jre
VOLUME /tmp
ARG DEPENDENCY=/workspace/app/x
COPY --from=build ${DEPENDENCY}/dependencies/ ./
COPY --from=build ${DEPENDENCY}/spring-boot-loader/ ./
COPY --from=build ${DEPENDENCY}/snapshot-dependencies/ ./
COPY --from=build ${DEPENDENCY}/application/ ./
ENV JAVA_OPTS="-XX:MaxRAMPercentage=75.0 -Djava.security.egd=file:/dev/./urandom"
ENTRYPOINT ["sh", "-c", "exec java ${JAVA_OPTS} org.springframework.boot.loader.launch.JarLauncher ${0} ${@}"]
''', []),
    ("real-gradle", '''FROM gradle:8-jdk21 AS builder
USER root
COPY --chown=node:node build.gradle settings.gradle /home/node/project/
COPY --chown=node:node src /home/node/project/src
WORKDIR /home/node/project
RUN chown node .
USER node
RUN gradle --no-daemon clean bootJar
FROM eclipse-temurin:21-jre
ENV APP_HOME=/opt/app
WORKDIR ${APP_HOME}
COPY --from=builder /home/node/project/target/*.jar ${APP_HOME}/app.jar
ADD --chown=1000:1000 config ${APP_HOME}/config
EXPOSE 8080
HEALTHCHECK NONE
CMD exec java $JAVA_OPTS -jar app.jar
''', []),
    ("real-php-laravel", '''ARG PHP_EXTS="bcmath pdo_mysql opcache"
FROM composer:2 AS composer_base
ARG PHP_EXTS
RUN mkdir -p /opt/apps/site /opt/apps/site/bin
WORKDIR /opt/apps/site
RUN addgroup -S composer && adduser -S composer -G composer && chown -R composer /opt/apps/site && echo $PHP_EXTS >/exts
USER composer
ENV COMPOSER_HOME=/tmp/composer COMPOSER_ALLOW_SUPERUSER=1
COPY --chown=composer composer.json composer.lock ./
RUN composer install --no-dev --no-scripts --no-autoloader --prefer-dist
COPY --chown=composer . .
RUN composer install --no-dev --prefer-dist
FROM php:8.4-fpm-alpine AS fpm_server
ARG PHP_EXTS
WORKDIR /opt/apps/site
RUN docker-php-ext-install -j1 ${PHP_EXTS} >/log
COPY --from=composer_base --chown=www-data /opt/apps/site /opt/apps/site
COPY --from=composer_base /exts /
RUN mkdir -p storage/framework/cache storage/framework/views && chown -R www-data:www-data storage && chmod -R ug+rwX storage bootstrap/cache
USER www-data
EXPOSE 9000
CMD ["php-fpm"]
''', [], "/vendor\n/node_modules\nstorage/logs/*\n!storage/logs/.gitignore\n.git\n.env\n"),
    ("real-php-apache", '''FROM php:8.4-apache
RUN a2enmod rewrite headers \\
 && sed -ri -e 's!x!y!g' /etc/hostname || true
ENV APACHE_DOCUMENT_ROOT /var/www/html/public
COPY --chown=www-data:www-data public ${APACHE_DOCUMENT_ROOT}
COPY --chown=www-data:www-data --exclude=public --exclude=*.log . /var/www/html
RUN { \\
      echo 'opcache.memory_consumption=128'; \\
      echo 'opcache.revalidate_freq=2'; \\
    } > /usr/local/opcache.ini
VOLUME /var/www/html/storage
EXPOSE 80 443
''', [], ".git\nnode_modules\n"),
    ("real-rust-chef", '''FROM lukemathwalker/cargo-chef:latest AS chef
WORKDIR /app
FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json
FROM chef AS builder
COPY --from=planner /app/recipe.json recipe.json
RUN cargo chef cook --release --recipe-path recipe.json
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=private \\
    cargo build --release --bin app
FROM debian:bookworm-slim AS runtime
WORKDIR /app
COPY --from=builder /app/target/release/app /usr/local/bin
ENTRYPOINT ["/usr/local/bin/app"]
''', [], "target\nnode_modules\n.git\n"),
    ("real-rust-dummy-main", '''FROM rust:1-slim as build
RUN USER=root mkdir shop && cd shop && mkdir src && echo "fn main() {}" > src/main.rs
WORKDIR /shop
COPY ./Cargo.lock ./Cargo.toml ./
RUN cargo build --release && rm src/*.rs
COPY ./src/*.rs ./src/
RUN rm -f ./target/release/deps/shop* && cargo build --release
from debian:bookworm-slim
copy --from=build /shop/target/release/app .
env ROCKET_ADDRESS=0.0.0.0
cmd ["./app"]
''', []),
    ("real-static-caddy", '''FROM alpine:3.22 AS assets
RUN apk --no-cache add brotli zopfli
COPY public /site
COPY docs /site/docs
RUN for f in $(find /site -type f \\( -name '*.html' -o -name '*.svg' \\)); do cp "$f" "$f.gz" && touch -d @1500000000 "$f.gz"; done
FROM caddy:2
COPY Caddyfile /etc/caddy/Caddyfile
COPY --from=assets --chmod=u=rwX,go=rX /site /srv
WORKDIR /srv
EXPOSE 80 443 443/udp 2019
''', [], "**\n!public\n!Caddyfile\n!docs/**/*.md\n"),
    ("real-nginx-template", '''FROM nginx:1.29-alpine
ENV PORT=8080 \\
    NGINX_ENVSUBST_OUTPUT_DIR=/etc/nginx/conf.d
COPY docker/*.template /etc/nginx/templates/
COPY --chmod=755 docker/entrypoint.sh /docker-entrypoint.d/99-x.sh
RUN set -eux; \\
    mkdir -p /var/cache/nginx; \\
    for d in client_temp proxy_temp; do \\
        mkdir "/var/cache/nginx/$d"; \\
    done; \\
    chown -R nginx:nginx /var/cache/nginx; \\
    mkdir -p /var/run; touch /var/run/nginx.pid; chown nginx /var/run/nginx.pid
USER nginx
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD nginx -g 'daemon off;'
''', []),
    ("real-ruby-rails", '''ARG RUBY_VERSION=3.4
FROM docker.io/library/ruby:$RUBY_VERSION-slim AS base
WORKDIR /rails
RUN apt-get update -qq && apt-get install --no-install-recommends -y curl libjemalloc2 libvips sqlite3 && rm -rf /var/lib/apt/lists /var/cache/apt/archives
ENV RAILS_ENV="production" \\
    BUNDLE_DEPLOYMENT="1" \\
    BUNDLE_PATH="/usr/local/bundle" \\
    BUNDLE_WITHOUT="development"
FROM base AS build
COPY Gemfile Gemfile.lock ./
RUN bundle install && rm -rf ~/.bundle/ "${BUNDLE_PATH}"/ruby/*/cache
COPY . .
RUN SECRET_KEY_BASE_DUMMY=1 ./scripts/run.sh assets:precompile
FROM base
COPY --from=build "${BUNDLE_PATH}" "${BUNDLE_PATH}"
COPY --from=build /rails /rails
RUN groupadd --system --gid 1000 rails && useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash rails && chown -R 1000:1000 config storage
USER 1000:1000
ENTRYPOINT ["/rails/docker/entrypoint.sh"]
EXPOSE 80
CMD ["./bin/thrust", "./bin/rails", "server"]
''', [], "/.git/\n/node_modules/\n/.env*\n!/.env.example\n/storage/logs/*\n!/storage/logs/.gitignore\n"),
    ("real-targets", '''FROM python:3.13-slim AS common
ARG INSTALL_DEV=false
COPY requirements.txt .
FROM common AS dev-false
RUN pip install -r requirements.txt
FROM common AS dev-true
RUN pip install -r requirements.txt pytest
FROM dev-true AS final
ARG INSTALL_DEV
LABEL stage=$INSTALL_DEV
COPY app app
FROM final AS test
RUN exit 1
''', ["--target", "final", "--build-arg", "INSTALL_DEV=true"]),
    ("real-stage-by-arg", '''ARG MODE=prod
FROM alpine:3.22 AS conf-dev
RUN echo dev >/conf
FROM alpine:3.22 AS conf-prod
RUN echo prod >/conf
FROM conf-${MODE} AS conf
FROM ubuntu:24.04
LABEL Description="A service" Vendor="ACME Products" Version="1.0"
MAINTAINER Some One <some@one.example>
ENV DEBIAN_FRONTEND=noninteractive TZ=Etc/UTC
RUN ln -snf /usr/share/zoneinfo/$TZ /etc/localtime && echo $TZ > /etc/timezone
RUN apt-get update && apt-get install -y \\
    supervisor \\
    cron \\
    logrotate=3.* \\
 && apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/* /var/tmp/*
COPY --from=conf /conf /etc/conf
''', ["--build-arg", "MODE=dev"]),
    ("real-secrets-and-config", '''FROM alpine:3.22
ARG REGISTRY_URL=https://registry.example.org
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc,required=false \\
    --mount=type=secret,id=token,env=TOKEN \\
    test -z "$TOKEN" && test ! -s /root/.npmrc && echo "registry=$REGISTRY_URL" >/etc/npmrc
COPY --chown=0:0 --chmod=600 config/app.yaml /etc/app/
COPY ["name with space.txt", "GUIDE.md", "/docs/"]
RUN --mount=type=tmpfs,target=/tmp,size=64m --network=none cp /docs/* /tmp/ && ls /tmp | sort >/listing
''', []),
    ("real-copy-tricks", '''FROM node:22-alpine AS src
WORKDIR /a/b
COPY . .
RUN ln -s src current && mkdir -p out/empty && chmod 1777 out/empty && cp -a scripts/run.sh out/
FROM alpine:3.22
COPY --from=src /a/b/current /current-link
COPY --from=src /a/b/current/ /current-dir/
COPY --from=src /a/b/out /out
COPY --link --from=src --chown=12:34 --chmod=711 /a/b/out/ /linked/
COPY --from=node:22-alpine /usr/local/bin/fake /bin/tool
COPY s[r]c/*.ts app/?ain.py /glob/
COPY package.json package-lock.json /
''', [], "node_modules\n.git\n"),
    ("real-windows-editor", "\ufeff# escape=\\\r\nFROM alpine:3.22\r\n# a comment\r\nRUN echo one && \\\r\n    echo two >/two\r\n"
     "COPY README.md \\\r\n  Makefile \\\r\n  /d/\r\nENV A=1 \\\r\n    B=\"two words\"\r\nCMD [\"sh\", \"-c\", \"echo $A\"]\r\n", []),
    ("real-env-tricks", '''ARG VARIANT=alpine
ARG TAG=3.22
FROM ${VARIANT:-debian}:${TAG} AS x
ARG DEBUG
ENV LOG_LEVEL=${DEBUG:+debug} LEVEL2=${DEBUG:-info}
ENV PATH=/opt/tool/bin:$PATH NAME="$LOG_LEVEL-$LEVEL2" QUOTED='$PATH' ESC=\\$PATH
ENV VERSION=v1.2.3
ENV MAJOR=${VERSION%%.*} BARE=${VERSION#v} SLASH=${VERSION//./-} ONE=${VERSION/./_}
WORKDIR /srv/$VERSION
WORKDIR current
RUN echo "$LOG_LEVEL|$LEVEL2|$NAME|$QUOTED|$ESC|$MAJOR|$BARE|$SLASH|$ONE" >vars && pwd >>vars
LABEL version=$VERSION "multi.word key"="a b" path="$QUOTED"
EXPOSE ${PORT:-3000} ${PORT:-4000}-4002
VOLUME $HOME/data /x
USER ${UID:-1000}:${GID:-1000}
CMD echo $HOME
''', ["--build-arg", "DEBUG=1"]),
    ("real-triple-heredoc", '''FROM alpine:3.22
COPY <<first.conf <<second.conf <<"third.conf" /etc/app/
name=$HOSTNAME0${X:-first}
first.conf
two
second.conf
$three \\n
third.conf
RUN <<-EOF cat >/c && echo after >>/c
	tabs	inside
	gone
	EOF
RUN <<'PY' sh -e
for i in 1 2 3; do echo "$i" >>/n; done
PY
RUN --mount=type=cache,target=/var/cache/x,id=real-x <<EOF
set -e
date +%Y >/var/cache/x/y
[ -s /var/cache/x/y ] && echo yes >/y
EOF
ADD --chmod=444 <<EOF /ro.txt
read only
EOF
''', []),
]
