module.exports = {
	poweredByHeader: false,
	eslint: { ignoreDuringBuilds: true },
	experimental: { cpus: 1 },
};
