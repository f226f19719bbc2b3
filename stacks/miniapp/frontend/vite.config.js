import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

// In development the page comes from here, and what it asks of the API goes to the backend.
const backend = process.env.BACKEND_URL;

export default defineConfig({
	plugins: [react()],
	server: { host: '0.0.0.0', port: 80, strictPort: true, proxy: backend ? { '/api': backend } : {} },
});
