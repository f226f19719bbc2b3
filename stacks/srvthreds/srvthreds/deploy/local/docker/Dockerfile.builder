FROM node:20-alpine AS builder
WORKDIR /app

# Copy both repositories
COPY --from=thredlib . ./thredlib/
COPY . ./srvthreds/

# Build thredlib
WORKDIR /app/thredlib
RUN npm ci && npm run build-all

# Build srvthreds
WORKDIR /app/srvthreds
RUN npm ci && npm run build

# Copy runtime configs
COPY run-profiles/ ./dist-server/run-profiles/
COPY deploy/tools/deployment-cli/assets/*.* ./dist-server/
