import { useEffect, useState } from 'react';

type Task = { id: number; prompt: string; state: string; result: string | null };

export default function Home() {
	const [tasks, setTasks] = useState<Task[]>([]);
	const [prompt, setPrompt] = useState('');
	const [trouble, setTrouble] = useState('');
	const ask = async (init?: RequestInit) => {
		const response = await fetch('/api/tasks', init);
		if (!response.ok) throw new Error(`the server answered ${response.status}`);
		return response.json();
	};
	const attempt = (what: () => Promise<void>) => {
		setTrouble('');
		what().catch((e: Error) => setTrouble(e.message));
	};
	const load = async () => setTasks(await ask());
	const add = async () => {
		await ask({ method: 'POST', headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ prompt }) });
		setPrompt('');
		await load();
	};
	useEffect(() => attempt(load), []);
	return (
		<main>
			<h1>OctoCode</h1>
			<input value={prompt} onChange={(e) => setPrompt(e.target.value)} />
			<button onClick={() => attempt(add)}>Ask</button>
			{trouble && <p role="alert">{trouble}</p>}
			<ul>{tasks.map((t) => <li key={t.id}>{t.prompt}: {t.result ?? t.state}</li>)}</ul>
		</main>
	);
}
