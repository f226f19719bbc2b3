import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const api = import.meta.env.VITE_API_URL || '/api';
const features = (import.meta.env.VITE_FEATURES || '').split(',');

function App() {
	const [players, setPlayers] = useState(null);
	useEffect(() => {
		fetch(`${api}/players`).then((r) => r.json()).then(setPlayers);
	}, []);
	return (
		<main>
			<h1>Players</h1>
			{players === null ? <p>…</p> : <ul>{players.map((p) => <li key={p}>{p}</li>)}</ul>}
			{features.includes('about') && <p>A mini app.</p>}
		</main>
	);
}

createRoot(document.getElementById('root')).render(<App />);
