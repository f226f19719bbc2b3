const parser = require('@typescript-eslint/parser');

module.exports = [{
	files: ['**/*.ts', '**/*.tsx', '**/*.js'],
	languageOptions: { parser, parserOptions: { ecmaFeatures: { jsx: true } } },
	rules: {
		eqeqeq: 'error',
		'no-var': 'error',
		'prefer-const': 'error',
		'no-unreachable': 'error',
		'no-dupe-keys': 'error',
	},
}];
